"""People, places and words that exist nowhere: nobody real can be found under them."""

FIRST_FEMALE = (
    "Amabel Briony Calla Delphine Elowen Fenella Ginevra Hestia Ione Jessamy Kerensa Linnea Marigold Nerys Ottilie "
    "Petra Quilla Rosalba Saskia Tamsin Undine Verity Wilhelmina Xanthe Ysolde Zelda Aveline Bettina Clemency Dorothea"
).split()
FIRST_MALE = (
    "Alaric Barnaby Caspian Dorian Emrys Florian Gideon Hadrian Ignatius Jasper Kester Leander Merrick Nathaniel Orson "
    "Percival Quentin Rafferty Silas Thaddeus Ulric Vaughn Wendell Xander Yorick Zebedee Ambrose Benedikt Crispin Dashiell"
).split()
LAST = (
    "Applegarth Birchwhistle Candlewick Dapplemere Elderquist Fernsby Gorseby Hollowbrook Inglethorpe Juniperly "
    "Kettlewell-Moss Larkspurson Mossgrove Nettlefield Oakenrood Pepperdyne Quillfeather Rowanstead Saltmarsh "
    "Thistlewaite Underbarrow Vintersby Willowmarsh Yarrowby Zephyrson Ashgrove-Pell Brambleton Copperleaf Dewhurstle "
    "Emberly Foxglovian Greyfennel Heatherstone Ivywood Jackdawson Kingfisherton Lavenderby Meadowlarke Northbrambly "
    "Orchardson Plumtreeson Quincewood Ravenscombe Sorrelby Tansyworth Umberfield Violetson Wrenfield Müllerbach "
    "Øverwood Castañeda-Lark O'Fennimore D'Alderby Van-Larkenhof"
).split()
STREETS = (
    "Marzipan Street|Gooseberry Lane|Lanternfish Avenue|Old Kettle Road|Pumpernickel Court|Driftwood Terrace"
    "|Paper Boat Drive|Snowglobe Way|Button Mill Road|Thimble Hill"
).split("|")
CITIES = (("Fernhollow", "OR", "97000"), ("Port Nimbus", "OR", "97001"), ("Lower Gorse", "WA", "98000"))
EMPLOYERS = (
    "Gorse & Daughters Bakery",
    "Port Nimbus Ferries",
    "Fernhollow School District",
    "Thimble Hill Sawmill",
    "Lanternfish Software",
    "Marzipan Logistics",
)
CARRIERS = (
    "Acorn Dental Mutual|Bluefinch Benefits|Cloudberry Dental|Driftwood Life & Dental|Evergrand Dental|Fernleaf Health"
    "|Goldcrest Assurance|Harborlight Dental|Inkwell Mutual|Juniper Plans|Kestrel Dental|Lantern Benefits|Mistral Health"
    "|Northwind Dental|Osprey Insurance|Pinecone Dental|Quartz Benefits|Rookery Mutual|Sandpiper Dental|Tidepool Health"
    "|Ulmus Dental|Vesper Assurance|Wagtail Dental|Yarrow State Medicaid|Zenith Orchard Capitation"
).split("|")
VISIT_NOTES = (
    "Prefers mornings.",
    "Bring new insurance card.",
    "Premed taken at home, check.",
    "Confirm with mother first.",
    "Nervous: allow a few minutes before seating.",
    "Wants to talk about whitening.",
    "",
    "",
    "",
    "",
)
LONG_NOTE = (
    "Patientin kommt aus Österreich, spricht überwiegend Deutsch; bitte langsam erklären. Größte Sorge: Füllung "
    "oben rechts drückt beim Kauen. Früher bei Dr. Ångström-Façade in Köln behandelt, Röntgenbilder werden "
    "nachgereicht. ¿Alergias? Ninguna conocida. "
) * 6
"""Umlauts, accents and length: about 1,500 characters, as some desks write them."""
COMM_NOTES = (
    "Left voicemail about the upcoming visit.",
    "Text reminder sent.",
    "Called about the balance, will pay by card next week.",
    "Asked for a copy of the treatment plan.",
    "Insurance changed, new card scanned.",
    "Reminder e-mail sent.",
    "Patient called to say thank you.",
)
TASKS = (
    "Call lab about the crown shade",
    "Verify benefits before Thursday",
    "Appeal the denied crown",
    "Order bitewing sleeves",
    "Return call about the statement",
    "Send records to the specialist",
)
REMARKS = ("", "", "Allowed amount per fee schedule.", "Frequency limit applied.", "Deductible applied.")
DENIALS = ("Not a covered benefit.", "Frequency limitation reached.", "Waiting period not met.", "Records requested.")
