//===- TargetTest.cpp - Arithmetic, machines, encoding, footprints --------===//

#include "RandomProgram.h"
#include "TargetCommands.h"
#include "accopt/Target/Area.h"
#include "accopt/Target/Arithmetic.h"
#include "accopt/Target/Encoding.h"
#include "accopt/Target/Footprint.h"
#include "accopt/Target/MachineIO.h"

#include "llvm/Support/MemoryBuffer.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <set>

using namespace accopt;
using namespace accopt::test;
using testing::HasSubstr;

namespace {

//===-- Arithmetic --------------------------------------------------------===//

TEST(Arithmetic, ApplyScaleRoundsHalfUp) {
  const int32_t half = 1 << 30; // 2^30 * 2^-31 = 1/2
  EXPECT_EQ(applyScale(3, half, 31), 2);
  EXPECT_EQ(applyScale(-3, half, 31), -1);
  EXPECT_EQ(applyScale(5, half, 30), 5);
  // -2^31 * 2^30 / 2^62 = -1/2, rounded up.
  EXPECT_EQ(applyScale(INT32_MIN, half, 62), 0);
  // Low 32 bits of 2^31 * 2^31 - ... / 4.
  EXPECT_EQ(applyScale(INT32_MAX, INT32_MAX, 2),
            int32_t(uint32_t(((int64_t(INT32_MAX) * INT32_MAX) + 2) >> 2)));
}

TEST(Arithmetic, QuantizeMultiplierIsTheNearest) {
  for (double real : {1.0, 0.5, 0.75, 1e-6, 123.456, 1.0 / 3, 0.999999999999}) {
    auto factor = quantizeMultiplier(real);
    ASSERT_TRUE(bool(factor));
    EXPECT_GE(factor->multiplier, kMinMultiplier);
    double back = std::ldexp(double(factor->multiplier), -int(factor->shift));
    EXPECT_NEAR(back / real, 1, 1.0 / (int64_t(1) << 31));
  }
  EXPECT_EQ(*quantizeMultiplier(1.0), (ScaleFactor{1 << 30, 30}));
  EXPECT_EQ(*quantizeMultiplier(std::ldexp(1, -32)),
            (ScaleFactor{1 << 30, 62}));
  for (double real : {0.0, -1.0, std::ldexp(1, 29), std::ldexp(1, -33),
                      double(INFINITY), double(NAN)}) {
    auto factor = quantizeMultiplier(real);
    EXPECT_FALSE(bool(factor));
    llvm::consumeError(factor.takeError());
  }
}

//===-- Machines ----------------------------------------------------------===//

std::string errorOf(llvm::StringRef yaml) {
  auto m = parseMachine(llvm::MemoryBufferRef(yaml, "m.yaml"));
  return m ? "" : llvm::toString(m.takeError());
}

TEST(Machine, DefaultsAreThoseOfTheHeader) {
  Machine standard;
  standard.name = "systolic16x16";
  // Without being told, a machine has no values of 16 bits.
  standard.arrayPes16Bit = 2;
  standard.energy =
      horowitz45(standard.scratchpadBytes, standard.accumulatorBytes);
  EXPECT_EQ(printMachine(machine()), printMachine(standard));
}

TEST(Machine, PrintedMachinesReloadTheSame) {
  for (const BuiltinMachine &builtin : builtinMachines()) {
    Machine m = llvm::cantFail(loadMachine(builtin.name));
    EXPECT_EQ(m.name, builtin.name);
    std::string text = printMachine(m);
    Machine again =
        llvm::cantFail(parseMachine(llvm::MemoryBufferRef(text, "m.yaml")));
    EXPECT_EQ(printMachine(again), text);
    EXPECT_EQ(machineHash(again), machineHash(m));
    EXPECT_FALSE(bool(checkMachine(m)));
  }
}

TEST(Machine, OwnPricesReload) {
  Machine m = machine();
  m.name = "x{rows=1,columns=2}";
  m.clockHz = 1.0 / 3 * 1e9;
  m.energy.name = "measured";
  m.energy.source = "a \"wattmeter\": 1 # 2";
  m.energy.macInt8 = 0.1 + 0.2;
  std::string text = printMachine(m);
  auto again = parseMachine(llvm::MemoryBufferRef(text, "m.yaml"));
  ASSERT_TRUE(bool(again)) << llvm::toString(again.takeError());
  EXPECT_EQ(printMachine(*again), text);
  EXPECT_EQ(again->energy.macInt8, m.energy.macInt8);
}

TEST(Machine, LowPrecisionPricesMayBeLeftOut) {
  // Everything that machines of one precision give.
  std::string text = printMachine(machine()), old;
  for (llvm::StringRef rest = text, line; !rest.empty();) {
    std::tie(line, rest) = rest.split('\n');
    if (line.contains("_4bit") || line.contains("_2bit"))
      continue;
    line.consume_front("# price") ? old += "price" + line.str()
                                  : old += line.str();
    old += '\n';
  }
  size_t profile = old.find("horowitz45");
  ASSERT_NE(profile, std::string::npos);
  old.replace(profile, 10, "mine");
  auto m = parseMachine(llvm::MemoryBufferRef(old, "m.yaml"));
  ASSERT_TRUE(bool(m)) << llvm::toString(m.takeError());
  EXPECT_EQ(m->arrayRate4Bit, 1u);
  EXPECT_EQ(m->energy.mac4Bit, 0.3);
  EXPECT_EQ(m->energy.mac2Bit, 0.3);
  EXPECT_NE(errorOf(old + "array_rate_2bit: 17\n"), "");
  EXPECT_NE(errorOf(old + "array_rate_4bit: 0\n"), "");
}

TEST(Machine, OverridesRederivePrices) {
  Machine m = llvm::cantFail(
      loadMachine("systolic16x16{rows=32, scratchpad_bytes=1048576}"));
  EXPECT_EQ(m.rows, 32u);
  EXPECT_EQ(m.columns, 16u);
  EXPECT_EQ(m.name, "systolic16x16{rows=32,scratchpad_bytes=1048576}");
  EXPECT_NEAR(m.energy.scratchpadReadByte * 8, 100, 0.02);
  EXPECT_NE(machineHash(m), machineHash(machine()));
  EXPECT_EQ(machineHash(llvm::cantFail(loadMachine("systolic16x16{rows=16}"))),
            machineHash(machine()));
}

TEST(Machine, ErrorsNameFileLineFieldAndReason) {
  EXPECT_EQ(errorOf("rows: 16\ncolumns: many\n"),
            "m.yaml:2: field 'columns': expected an integer in [1, 1024], got "
            "'many'");
  EXPECT_EQ(errorOf("rows: 0\n"),
            "m.yaml:1: field 'rows': expected an integer in [1, 1024], got "
            "'0'");
  EXPECT_EQ(errorOf("clock_hz: nan\n"),
            "m.yaml:1: field 'clock_hz': expected a number in [1.00, "
            "1000000000000.00], got 'nan'");
  EXPECT_EQ(errorOf("# nothing\nrow: 1\n"),
            "m.yaml:2: field 'row': unknown field");
  EXPECT_EQ(errorOf("rows: 1\nrows: 2\n"),
            "m.yaml:2: field 'rows': given twice");
  EXPECT_EQ(errorOf("dataflow: systolic\n"),
            "m.yaml:1: field 'dataflow': expected one of weight-stationary, "
            "output-stationary, input-stationary, row-stationary, "
            "weight-or-output-stationary, got 'systolic'");
  EXPECT_EQ(errorOf("rows: 8\ndram_burst_bytes: 24\n"),
            "m.yaml:2: field 'dram_burst_bytes': expected a divisor or a "
            "multiple of dram_bytes_per_cycle (16), got 24");
  EXPECT_EQ(errorOf("rows: 4\n---\nrows: 8\n"),
            "m.yaml: expected one document, got more");
  EXPECT_EQ(errorOf("scratchpad_banks: 3\n"),
            "m.yaml:1: field 'scratchpad_banks': expected a divisor of "
            "scratchpad_bytes (262144), got 3");
  EXPECT_EQ(errorOf("columns: 48\n"),
            "m.yaml:1: field 'accumulator_bytes': expected a multiple of 192, "
            "the bytes of a row of accumulators in 48 columns, got 65536");
  EXPECT_EQ(errorOf("rows: 8\nname: \"\xdc\xdc\"\n"),
            "m.yaml:2: field 'name': expected a text in UTF-8, got other "
            "bytes");
  EXPECT_EQ(errorOf("rows: [1]\n"),
            "m.yaml:1: field 'rows': expected a single value");
  EXPECT_EQ(errorOf("- rows\n"),
            "m.yaml:1: expected a mapping of fields to values");
  EXPECT_EQ(errorOf("price_mac_int8: 1\n"),
            "m.yaml:1: field 'price_mac_int8': profile 'horowitz45' has its "
            "own prices; give the field 'energy_profile' another name");
  EXPECT_EQ(errorOf("energy_profile: mine\nprice_mac_int8: 1\n"),
            "m.yaml:1: field 'price_scratchpad_read_byte': profile 'mine' "
            "needs every price; this one is missing");
  EXPECT_THAT(errorOf("inherit: nowhere\n"),
              HasSubstr("m.yaml:1: field 'inherit': nowhere: expected a YAML "
                        "file or one of systolic16x16"));
  for (const char *bad :
       {"", "rows: \"16\n", "{rows: 1", "rows: 1: 2", "\t", "a\n", "? [a]\n"}) {
    std::string error = errorOf(bad);
    EXPECT_THAT(error, HasSubstr("m.yaml")) << bad;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

TEST(Machine, SpecErrors) {
  for (auto [spec, reason] :
       {std::pair("nosuch", "expected a YAML file or one of"),
        std::pair("systolic16x16{rows=0}", "expected an integer in [1, 1024]"),
        std::pair("systolic16x16{rows", "expected one '{...}' at the end"),
        std::pair("systolic16x16{rows=4}{columns=4}", "expected one '{...}'"),
        std::pair("{rows=4}", "expected a machine before the '{'"),
        std::pair("/dev/zero", "expected a regular file"),
        std::pair("systolic16x16{clock_hz=0x10}", "expected a number"),
        std::pair("systolic16x16{clock_hz=1e}", "expected a number"),
        std::pair("systolic16x16{rows}", "expected field=value"),
        std::pair("systolic16x16{rows=1,rows=2}", "given twice"),
        std::pair("systolic16x16{name=x}", "cannot be overridden"),
        std::pair("systolic16x16{speed=1}", "unknown field")}) {
    auto m = loadMachine(spec);
    ASSERT_FALSE(bool(m)) << spec;
    EXPECT_THAT(llvm::toString(m.takeError()), HasSubstr(reason)) << spec;
  }
}

//===-- Encoding ----------------------------------------------------------===//

std::vector<Command> randomCommands(uint64_t seed) {
  RandomProgram random(seed);
  std::vector<Command> commands;
  for (Operation operation :
       {Operation(LoadCommand{random.dma(0)}),
        Operation(StoreCommand{random.dma(9999)}), Operation(random.matmul()),
        Operation(random.depthwise()), Operation(random.pool()),
        Operation(random.binary()), Operation(random.lookup()),
        Operation(random.fill()),
        Operation(HostCommand{random.number(0, 9), random.random(),
                              random.random(), random.random()})}) {
    Command c = command(std::move(operation));
    c.layer = random.number(0, UINT32_MAX);
    for (unsigned e = 0; e < kEngineCount; ++e)
      c.take[e] = random.number(0, UINT32_MAX);
    commands.push_back(std::move(c));
  }
  return commands;
}

std::array<uint8_t, kCommandBytes> encoded(const Command &command) {
  std::array<uint8_t, kCommandBytes> bytes;
  encodeCommand(command, bytes);
  return bytes;
}

TEST(Encoding, RoundTrip) {
  for (uint64_t seed = 0; seed < 50; ++seed)
    for (const Command &c : randomCommands(seed)) {
      auto decoded = decodeCommand(encoded(c));
      ASSERT_TRUE(bool(decoded)) << llvm::toString(decoded.takeError());
      EXPECT_EQ(decoded->layer, c.layer);
      EXPECT_EQ(decoded->take, c.take);
      EXPECT_TRUE(decoded->operation == c.operation) << "seed " << seed;
    }
}

TEST(Encoding, FieldsByName) {
  for (uint64_t seed = 0; seed < 50; ++seed)
    for (Command c : randomCommands(seed)) {
      // A signed number of 64 bits stands for each field.
      if (auto *host = std::get_if<HostCommand>(&c.operation))
        *host = {host->function, host->operations >> 1, host->bytes >> 1,
                 host->writtenBytes >> 1};
      auto again = commandFromFields(operationName(c), commandFields(c));
      ASSERT_TRUE(bool(again)) << llvm::toString(again.takeError());
      EXPECT_TRUE(again->operation == c.operation) << "seed " << seed;
    }
  auto reason = [](llvm::StringRef name, CommandField field) {
    auto c = commandFromFields(name, field);
    return c ? "" : llvm::toString(c.takeError());
  };
  EXPECT_NE(reason("divide", {"a", 1}), "");
  EXPECT_NE(reason("fill", {"width", 1}), "");
  EXPECT_NE(reason("fill", {"value", 32768}), "");
  EXPECT_NE(reason("fill", {"rows", -1}), "");
  EXPECT_NE(reason("pool", {"kind", 2}), "");
  EXPECT_NE(reason("pool", {"count_padding", 2}), "");
  EXPECT_EQ(reason("fill", {"value", -128}), "");
}

/// No two fields share a bit: any flipped bit is refused or changes the command
/// in a way that encoding gives back.
TEST(Encoding, EveryBitCounts) {
  for (const Command &c : randomCommands(3)) {
    auto bytes = encoded(c);
    for (size_t bit = 8; bit < 8 * kCommandBytes; ++bit) {
      auto flipped = bytes;
      flipped[bit / 8] ^= uint8_t(1 << bit % 8);
      auto decoded = decodeCommand(flipped);
      if (!decoded) {
        llvm::consumeError(decoded.takeError());
        continue;
      }
      EXPECT_EQ(encoded(*decoded), flipped);
    }
  }
}

TEST(Encoding, RefusesWhatIsNoCommand) {
  std::array<uint8_t, kCommandBytes> bytes = {};
  auto error = [&] {
    auto decoded = decodeCommand(bytes);
    return decoded ? "" : llvm::toString(decoded.takeError());
  };
  EXPECT_EQ(error(), "unknown opcode 0");
  bytes[0] = 10;
  EXPECT_EQ(error(), "unknown opcode 10");
  bytes[0] = 7;
  EXPECT_EQ(error(), "");
  bytes[127] = 1;
  EXPECT_EQ(error(), "expected reserved bits of byte 127 to be zero, got 0x01");
  bytes[127] = 0;
  bytes[0] = 5;
  bytes[79] = 2;
  EXPECT_EQ(error(), "unknown kind of 'pool'");
}

TEST(Encoding, Text) {
  LoadCommand load;
  load.dramAddress = 0x1000;
  load.rowBytes = 64;
  load.dramStride[0] = -64;
  Command c = command(load);
  c.take = {0, 2, 0, 1};
  std::string text;
  llvm::raw_string_ostream os(text);
  printCommand(c, os);
  EXPECT_EQ(text, "load  load take_exec=2 take_host=1 dram=0x1000 "
                  "row_bytes=64 dram_stride_0=-64");
}

/// The specification shows the tables that the code uses.
TEST(Encoding, TablesAreInTheSpecification) {
  auto file = llvm::MemoryBuffer::getFile(ACCOPT_SOURCE_DIR "/docs/Machine.md");
  ASSERT_TRUE(bool(file));
  std::string tables;
  llvm::raw_string_ostream os(tables);
  printEncodingTables(os);
  EXPECT_TRUE((*file)->getBuffer().contains(tables))
      << "docs/Machine.md should contain:\n"
      << tables;
}

TEST(Machine, FieldsAreInTheDocumentation) {
  auto file = llvm::MemoryBuffer::getFile(ACCOPT_SOURCE_DIR "/docs/Targets.md");
  ASSERT_TRUE(bool(file));
  std::string tables;
  llvm::raw_string_ostream os(tables);
  printMachineFields(os);
  EXPECT_TRUE((*file)->getBuffer().contains(tables))
      << "docs/Targets.md should contain:\n"
      << tables;
}

/// Every field is in the schema, and nothing else but the texts.
TEST(Machine, SchemaHasAllFields) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printMachineSchema(os);
  auto schema = llvm::cantFail(llvm::json::parse(text));
  const llvm::json::Object &properties =
      *schema.getAsObject()->getObject("properties");
  std::set<std::string> expected = {"inherit", "name"}, found;
  for (const auto &[name, value] : machineParameters(machine()))
    expected.insert(name.str());
  for (const auto &[name, value] : properties)
    found.insert(name.str());
  EXPECT_EQ(found, expected);
  const llvm::json::Object &rows = *properties.getObject("rows");
  EXPECT_EQ(rows.getInteger("minimum"), 1);
  EXPECT_EQ(rows.getInteger("maximum"), 1024);
  EXPECT_EQ(rows.getString("type"), llvm::StringRef("integer"));
}

TEST(Machine, ProfilesFollowTheirSources) {
  Machine m = machine();
  EXPECT_FALSE(derivedProfile("mine", m));
  m.clockHz = 2e8;
  EnergyProfile e = *derivedProfile("eyeriss65", m);
  EXPECT_DOUBLE_EQ(2 * e.dramByte, 460);
  EXPECT_DOUBLE_EQ(2 * e.scratchpadReadByte, 15);
  EXPECT_DOUBLE_EQ(e.staticPerCycle, 150); // 30 mW at 200 MHz
  e = *derivedProfile("gemmini40", m);
  EXPECT_DOUBLE_EQ(e.scratchpadReadByte, 0.49 + 0.02513 * 256);
  EXPECT_DOUBLE_EQ(4 * e.accumulatorReadByte, 1.94 + 0.1005 * 64 / 16);
  EXPECT_DOUBLE_EQ(e.dramByte, 100);
  m.scratchpadBytes = 128 << 20;
  m.accumulatorBytes = 4 << 20;
  e = *derivedProfile("tpu_v4i", m);
  EXPECT_NEAR(e.scratchpadReadByte, 8 * 1.88, 1e-12);
  EXPECT_NEAR(e.scratchpadWriteByte, 8 * 2.36, 1e-12);
  EXPECT_DOUBLE_EQ(e.accumulatorReadByte, 8 * 0.249);
  m.scratchpadBanks = 32;
  EXPECT_DOUBLE_EQ(derivedProfile("tpu_v4i", m)->scratchpadReadByte, 8 * 0.249);
  // Horowitz's 20 pJ for 64 bits are those of a bank of 32 KB.
  m.scratchpadBytes = 256 << 10;
  m.scratchpadBanks = 8;
  EXPECT_NEAR(derivedProfile("horowitz45", m)->scratchpadReadByte * 8, 20,
              0.02);
}

TEST(Machine, AreaOfTheSourcesMachine) {
  Machine m = llvm::cantFail(loadMachine("gemmini16x16"));
  SiliconArea area = siliconArea(m);
  EXPECT_NEAR(area.array, 0.116, 1e-12);
  EXPECT_NEAR(area.scratchpad, 0.544, 1e-12);
  EXPECT_NEAR(area.accumulator, 0.146, 1e-12);
  FpgaResources fpga = fpgaResources(m);
  EXPECT_EQ(fpga.dsps, 128u);
  EXPECT_EQ(fpga.lutsInstead, 300u + 18023); // 1.1 * 64 * 256 = 18022.4
  EXPECT_EQ(fpga.blockRams, 4u * 16 + 2 * 8);
  m.scratchpadBanks = 128; // 2 KiB each, a block RAM each
  EXPECT_EQ(fpgaResources(m).blockRams, 128u + 2 * 8);
}

//===-- Footprints --------------------------------------------------------===//

Region rows(int64_t base, int64_t count, int64_t stride, int64_t length) {
  Region r;
  r.base = base;
  r.count = {count, 1, 1};
  r.stride = {stride, 0, 0};
  r.length = length;
  return r;
}

TEST(Footprint, InterleavedRowsDoNotOverlap) {
  EXPECT_FALSE(overlaps(rows(0, 10, 16, 8), rows(8, 10, 16, 8)));
  EXPECT_TRUE(overlaps(rows(0, 10, 16, 9), rows(8, 10, 16, 8)));
  EXPECT_TRUE(overlaps(rows(144, 10, -16, 8), rows(7, 1, 0, 1)));
  EXPECT_FALSE(overlaps(rows(0, 10, 16, 8), rows(152, 1, 0, 1)));
  Region dram = rows(0, 1, 0, 8);
  dram.memory = Memory::Dram;
  EXPECT_FALSE(overlaps(dram, rows(0, 1, 0, 8)));
}

TEST(Footprint, WindowLeavesOutPadding) {
  MatmulCommand c = convolution();
  c.window.padTop = c.window.padLeft = 1;
  c.window.input = 1000;
  auto regions = footprint(command(c), machine());
  ASSERT_STREQ(regions[0].what, "input");
  EXPECT_EQ(regions[0].begin(), 1000);
  EXPECT_EQ(regions[0].end(), 1000 + 6 * 40);
  // All of it in the padding.
  c.window.padTop = 100;
  EXPECT_STREQ(footprint(command(c), machine())[0].what, "weights");
}

TEST(Footprint, RandomOverlapsByBytes) {
  std::mt19937 random(5);
  for (int i = 0; i < 2000; ++i) {
    auto make = [&] {
      Region r;
      r.base = random() % 100;
      r.length = 1 + random() % 6;
      for (int d = 0; d < 3; ++d) {
        r.count[d] = 1 + random() % 3;
        r.stride[d] = int64_t(random() % 41) - 20;
      }
      return r;
    };
    auto bytes = [](const Region &r) {
      std::set<int64_t> set;
      for (int64_t a = 0; a < r.count[0]; ++a)
        for (int64_t b = 0; b < r.count[1]; ++b)
          for (int64_t c = 0; c < r.count[2]; ++c)
            for (int64_t l = 0; l < r.length; ++l)
              set.insert(r.base + a * r.stride[0] + b * r.stride[1] +
                         c * r.stride[2] + l);
      return set;
    };
    Region x = make(), y = make();
    auto xs = bytes(x), ys = bytes(y);
    EXPECT_EQ(x.begin(), *xs.begin());
    EXPECT_EQ(x.end(), *xs.rbegin() + 1);
    bool common = std::any_of(xs.begin(), xs.end(),
                              [&](int64_t b) { return ys.count(b); });
    EXPECT_EQ(overlaps(x, y), common) << "case " << i;
  }
}

} // namespace
