//===- MachineSchema.cpp - The fields of a machine, described -------------===//

#include "MachineFields.h"
#include "accopt/Target/MachineIO.h"

#include "llvm/ADT/Twine.h"

#include <charconv>

using namespace accopt;
namespace json = llvm::json;

namespace {

/// What a field is in a schema, from the default machine.
class SchemaWriter {
public:
  explicit SchemaWriter(json::OStream &os) : os(os) {}

  void text(const char *name, const char *help) {
    os.attributeObject(name, [&] {
      os.attribute("type", "string");
      os.attribute("description", help);
    });
  }

  template <typename Choice>
  void operator()(const char *name, Choice value,
                  llvm::ArrayRef<const char *> names, const char *help) {
    os.attributeObject(name, [&] {
      os.attributeArray("enum", [&] {
        for (const char *choice : names)
          os.value(choice);
      });
      os.attribute("default", names[size_t(value)]);
      os.attribute("description", help);
    });
  }

  template <typename T, typename L>
  void operator()(const char *name, T value, L low, L high,
                  const FieldDoc &doc) {
    os.attributeObject(name, [&] {
      os.attribute("type", std::is_integral_v<T> ? "integer" : "number");
      os.attribute("minimum", low);
      os.attribute("maximum", high);
      if (withDefaults)
        os.attribute("default", value);
      os.attribute("description", describe(doc));
    });
  }

  bool withDefaults = true;

private:
  static std::string describe(const FieldDoc &doc) {
    std::string text = doc.help;
    if (*doc.unit)
      text += std::string(" [") + doc.unit + "]";
    return text;
  }

  json::OStream &os;
};

std::string number(double value) {
  char text[32];
  auto end = std::to_chars(text, text + sizeof(text), value);
  return std::string(text, end.ptr);
}

/// Rows of a Markdown table.
struct TableWriter {
  llvm::raw_ostream &os;

  template <typename T, typename L>
  void operator()(const char *name, T value, L low, L high,
                  const FieldDoc &doc) {
    char four[32];
    std::snprintf(four, sizeof(four), "%.4g", double(value));
    bool whole = std::is_integral_v<T> || double(value) >= 1000;
    os << "| `" << name << "` | " << (whole ? number(double(value)) : four)
       << " | " << number(double(low)) << " to " << number(double(high))
       << " | " << doc.unit << " | " << doc.help << " |\n";
  }

  template <typename Choice>
  void operator()(const char *name, Choice value,
                  llvm::ArrayRef<const char *> names, const char *help) {
    os << "| `" << name << "` | " << names[size_t(value)] << " | ";
    for (const char *choice : names)
      os << (choice == names.front() ? "" : ", ") << choice;
    os << " | | " << help << " |\n";
  }
};

Machine defaultMachine() {
  Machine machine;
  machine.energy = *derivedProfile(kDefaultProfile, machine);
  return machine;
}

} // namespace

void accopt::printMachineSchema(llvm::raw_ostream &stream) {
  Machine machine = defaultMachine();
  json::OStream os(stream, /*IndentSize=*/2);
  os.object([&] {
    os.attribute("$schema", "https://json-schema.org/draft/2020-12/schema");
    os.attribute("title", "AccOpt machine");
    os.attribute("type", "object");
    os.attribute("additionalProperties", false);
    os.attributeObject("properties", [&] {
      SchemaWriter writer(os);
      writer.text("inherit", "a built-in machine, or a path relative to this "
                             "file, whose fields are taken first");
      writer.text("name", "of the machine; the file's stem if not given");
      visitChoices(machine, writer);
      visitParameters(machine, writer);
      os.attributeObject("energy_profile", [&] {
        os.attribute("type", "string");
        os.attribute("default", kDefaultProfile);
        std::string help = "prices: one of";
        for (llvm::StringRef profile : builtinProfiles())
          help += " " + profile.str();
        os.attribute("description",
                     help + ", or a name of your own, and every price");
      });
      writer.text("energy_source", "where the prices of your own are from");
      writer.withDefaults = false;
      visitPrices(machine.energy, writer);
    });
  });
  stream << '\n';
}

void accopt::printMachineFields(llvm::raw_ostream &os) {
  Machine machine = defaultMachine();
  const char *head = "| field | default | range | unit | meaning |\n"
                     "|---|---|---|---|---|\n";
  os << head;
  visitChoices(machine, TableWriter{os});
  visitParameters(machine, TableWriter{os});
  os << "\nPrices, with the values of `" << kDefaultProfile
     << "` at the default sizes:\n\n"
     << head;
  visitPrices(machine.energy, TableWriter{os});
}
