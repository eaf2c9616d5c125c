from gateway.web.startup import collect_seldom

collect_seldom()
