//===- TunePage.cpp - Runs of acc-tune as a page --------------------------===//

#include "accopt/Report/TunePage.h"

#include "HtmlTemplate.h"
#include "accopt/Support/Diagnostics.h"

#include "llvm/Support/JSON.h"

using namespace llvm;
using namespace accopt;

/// What the page reads of a network.
static bool isNetwork(const json::Object *network, bool isFloat) {
  if (!network)
    return false;
  for (StringRef part : {"validation", "test"}) {
    const json::Object *quality = network->getObject(part);
    if (!quality || !quality->getNumber("loss"))
      return false;
  }
  if (isFloat)
    return true;
  for (StringRef key : {"cycles", "energy_pj", "weight_bytes"})
    if (!network->getNumber(key))
      return false;
  const json::Array *ops = network->getArray("ops");
  return network->getString("name") && ops &&
         all_of(*ops, [](const json::Value &op) { return op.getAsObject(); });
}

static bool isCandidate(const json::Value &value) {
  const json::Object *candidate = value.getAsObject();
  return candidate && candidate->getString("name") &&
         all_of(ArrayRef<StringRef>(
                    {"validation_loss", "cycles", "energy_pj", "weight_bytes"}),
                [&](StringRef key) {
                  return candidate->getNumber(key).has_value();
                });
}

Error accopt::checkTuneReport(StringRef text, StringRef file) {
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return makeFileError(file, "expected JSON: " + toString(value.takeError()));
  const json::Object *report = value->getAsObject();
  std::optional<StringRef> schema;
  if (report)
    schema = report->getString("schema");
  if (schema != StringRef("accopt.tune"))
    return makeFileError(
        file,
        "expected a report of acc-tune (schema accopt.tune), "
        "got " +
            (schema ? "schema " + schema->str() : std::string("another file")));
  if (report->getInteger("version") != 1)
    return makeFileError(file, "expected version 1 of accopt.tune");
  for (StringRef part : {"target", "data", "binary"})
    if (!report->getObject(part))
      return makeFileError(file, "expected an object '" + part + "'");
  for (StringRef part : {"float", "before", "after"})
    if (!isNetwork(report->getObject(part), part == "float"))
      return makeFileError(file, "expected a network '" + part +
                                     "' with its quality and cost");
  const json::Array *candidates = report->getArray("candidates");
  if (!candidates || candidates->empty() || !all_of(*candidates, isCandidate))
    return makeFileError(file, "expected candidates with their loss and cost");
  return Error::success();
}

void accopt::printTunePage(ArrayRef<TuneRun> runs, raw_ostream &os) {
  std::string text;
  raw_string_ostream stream(text);
  json::OStream json(stream);
  json.object([&] {
    json.attributeArray("runs", [&] {
      for (const TuneRun &run : runs)
        json.object([&] {
          json.attribute("label", json::fixUTF8(run.label));
          json.attributeBegin("report");
          json.rawValue(StringRef(run.json).trim());
          json.attributeEnd();
        });
    });
  });
  printPage(tunePage(), text, os);
}
