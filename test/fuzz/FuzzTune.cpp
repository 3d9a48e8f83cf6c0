//===- FuzzTune.cpp - Fuzzer of the reader of runs of acc-tune ------------===//
//
// A run's report goes into a page as it stands. Whatever it holds must stay the
// page's data: as many scripts as the page of an empty report has, and data
// that is the report's JSON again.
//
//===----------------------------------------------------------------------===//

#include "FuzzSupport.h"

#include "accopt/Report/TunePage.h"

#include "llvm/Support/JSON.h"

using namespace accopt;
using llvm::StringRef;

static std::string pageOf(StringRef json) {
  std::string page;
  llvm::raw_string_ostream os(page);
  printTunePage({TuneRun{"fuzzed", json.str()}}, os);
  return page;
}

/// In any case, as browsers read tags.
static size_t timesIn(StringRef page, StringRef tag) {
  return StringRef(page.lower()).count(tag);
}

/// The JSON of the page's data element.
static StringRef dataOf(StringRef page) {
  StringRef text = page.split("type=\"application/json\"").second;
  return text.split('>').second.split("</script").first;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const std::string empty = pageOf("{}");
  StringRef text(reinterpret_cast<const char *>(data), size);
  if (llvm::Error error = checkTuneReport(text, "fuzzed.json")) {
    fuzz::demandOneLine(std::move(error));
    return 0;
  }
  std::string page = pageOf(text);
  for (StringRef tag : {"<script", "</script", "<!--"})
    fuzz::demand(timesIn(page, tag) == timesIn(empty, tag),
                 "another number of " + tag);
  llvm::Expected<llvm::json::Value> shown = llvm::json::parse(dataOf(page)),
                                    given = llvm::json::parse(text);
  const llvm::json::Object *root = fuzz::need(shown, "data").getAsObject();
  fuzz::demand(root && (*root->getArray("runs"))[0].getAsObject() &&
                   *(*root->getArray("runs"))[0].getAsObject()->get("report") ==
                       fuzz::need(given, "the report"),
               "another report in the page");
  return 0;
}
