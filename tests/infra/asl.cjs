// Has two validators look at state machines: node asl.cjs FILE... prints what they find as a JSON list.
const fs = require("fs");
const validate = require("asl-validator");
const asl = require("amazon-states-language-service");

(async () => {
  const service = asl.getLanguageService({});
  const found = [];
  for (const path of process.argv.slice(2)) {
    const text = fs.readFileSync(path, "utf8");
    for (const one of validate(JSON.parse(text)).errors || []) found.push(`${path}: asl-validator: ${JSON.stringify(one)}`);
    const document = asl.TextDocument.create(path, "asl", 1, text);
    for (const one of await service.doValidation(document, service.parseJSONDocument(document)))
      found.push(`${path}:${one.range.start.line + 1}: amazon-states-language-service: ${one.message}`);
  }
  console.log(JSON.stringify(found));
})();
