//===- Npz.cpp - NumPy's .npz archives ------------------------------------===//
//
// The zip container is libzip's work; what is checked here is what a hostile or
// damaged archive can claim: sizes are trusted only as far as deflate can
// reach.
//
//===----------------------------------------------------------------------===//

#include "accopt/Support/Npy.h"

#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/OutputFile.h"

#include "llvm/ADT/ScopeExit.h"

#include <memory>
#include <zip.h>

using namespace llvm;
using namespace accopt;

/// No deflate stream expands by more than this factor.
static constexpr uint64_t maxDeflateRatio = 1032;

namespace {
/// Closes an archive without writing it.
struct ArchiveDiscarder {
  void operator()(zip_t *archive) const { zip_discard(archive); }
};
struct MemberCloser {
  void operator()(zip_file_t *file) const { zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, ArchiveDiscarder>;

/// Holds an error of libzip for as long as its text is needed.
struct ZipError {
  ZipError() { zip_error_init(&error); }
  ~ZipError() { zip_error_fini(&error); }
  StringRef text() { return zip_error_strerror(&error); }
  zip_error_t error;
};
} // namespace

/// Reads member `index` whole; libzip checks its CRC at the end. `left` are the
/// archive's bytes that no member before has claimed for its data.
static Expected<std::string> readMember(zip_t *archive, uint64_t index,
                                        const zip_stat_t &stat, StringRef file,
                                        uint64_t &left) {
  std::string where = (file + ": member '" + stat.name + "'").str();
  if (stat.encryption_method != ZIP_EM_NONE)
    return makeFileError(where, "expected no encryption");
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
    return makeFileError(where, "expected a stored or deflated member");
  if (stat.comp_size > left)
    return makeFileError(where, "expected at most " + Twine(left) +
                                    " bytes of data in the file, got a claim "
                                    "of " +
                                    Twine(stat.comp_size));
  left -= stat.comp_size;
  if (stat.size / maxDeflateRatio > stat.comp_size)
    return makeFileError(where, "claims more bytes than its data can hold");

  std::unique_ptr<zip_file_t, MemberCloser> member(
      zip_fopen_index(archive, index, 0));
  if (!member)
    return makeFileError(where, zip_strerror(archive));
  std::string bytes(stat.size, '\0');
  // One byte more than announced makes libzip reach the end and check the CRC.
  char extra;
  zip_int64_t got = zip_fread(member.get(), bytes.data(), bytes.size());
  if (got < 0)
    return makeFileError(where, zip_file_strerror(member.get()));
  if (static_cast<uint64_t>(got) != stat.size)
    return makeFileError(where, "truncated data");
  got = zip_fread(member.get(), &extra, 1);
  if (got != 0)
    return makeFileError(where, got < 0 ? Twine(zip_file_strerror(member.get()))
                                        : Twine("more data than announced"));
  return bytes;
}

Expected<NamedNumpyArrays> accopt::parseNpz(StringRef bytes, StringRef file) {
  // libzip takes no bytes at all for an empty archive.
  if (!bytes.starts_with("PK"))
    return makeFileError(file, "expected an .npz file, got other data");

  ZipError error;
  zip_source_t *source = zip_source_buffer_create(bytes.data(), bytes.size(),
                                                  /*freep=*/0, &error.error);
  if (!source)
    return makeFileError(file, error.text());
  Archive archive(zip_open_from_source(source, ZIP_RDONLY, &error.error));
  if (!archive) {
    zip_source_free(source);
    return makeFileError(file, "malformed .npz file: " + error.text());
  }

  NamedNumpyArrays arrays;
  uint64_t left = bytes.size();
  zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    constexpr zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE |
                                    ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(archive.get(), i, 0, &stat) != 0 ||
        (stat.valid & needed) != needed)
      return makeFileError(file, "malformed .npz file: member " + Twine(i));
    StringRef name = stat.name;
    if (!name.consume_back(".npy"))
      return makeFileError(file,
                           "member '" + name + "': expected an .npy file");
    Expected<std::string> member =
        readMember(archive.get(), i, stat, file, left);
    if (!member)
      return member.takeError();
    Expected<NumpyArray> array =
        parseNpy(*member, (file + ": member '" + stat.name + "'").str());
    if (!array)
      return array.takeError();
    arrays.emplace_back(name.str(), std::move(*array));
  }
  return arrays;
}

/// Adds one stored member; the archive takes over the source that reads
/// `bytes`, which must live until the archive is closed.
static bool addMember(zip_t *archive, const std::string &name,
                      const std::string &bytes) {
  zip_source_t *source =
      zip_source_buffer(archive, bytes.data(), bytes.size(), /*freep=*/0);
  if (!source)
    return false;
  zip_int64_t index =
      zip_file_add(archive, (name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    return false;
  }
  // 1 January 1980, the first date that zip knows.
  constexpr zip_uint16_t firstDate = (1 << 5) | 1;
  return zip_set_file_compression(archive, index, ZIP_CM_STORE, 0) == 0 &&
         zip_file_set_dostime(archive, index, 0, firstDate, 0) == 0;
}

/// Makes the archive's bytes in memory.
static Expected<std::string> serializeNpz(const NamedNumpyArrays &arrays,
                                          StringRef path) {
  // An empty archive is the end record alone; libzip would delete the file.
  if (arrays.empty())
    return std::string("PK\x05\x06", 4) + std::string(18, '\0');

  ZipError error;
  zip_source_t *sink =
      zip_source_buffer_create(nullptr, 0, /*freep=*/0, &error.error);
  if (!sink)
    return makeFileError(path, error.text());
  zip_source_keep(sink);
  scope_exit release([&] { zip_source_free(sink); });
  Archive archive(
      zip_open_from_source(sink, ZIP_CREATE | ZIP_TRUNCATE, &error.error));
  if (!archive) {
    zip_source_free(sink);
    return makeFileError(path, error.text());
  }

  std::vector<std::string> members;
  members.reserve(arrays.size());
  for (const auto &[name, array] : arrays) {
    members.push_back(serializeNpy(array));
    if (!addMember(archive.get(), name, members.back()))
      return makeFileError(path, "array '" + Twine(name) +
                                     "': " + zip_strerror(archive.get()));
  }
  if (zip_close(archive.get()) != 0)
    return makeFileError(path, zip_strerror(archive.get()));
  // zip_close() has freed it.
  (void)archive.release();

  zip_stat_t stat;
  std::string bytes;
  if (zip_source_open(sink) != 0 || zip_source_stat(sink, &stat) != 0)
    return makeFileError(path, zip_error_strerror(zip_source_error(sink)));
  bytes.resize(stat.size);
  zip_int64_t got = zip_source_read(sink, bytes.data(), bytes.size());
  zip_source_close(sink);
  if (got < 0 || static_cast<uint64_t>(got) != stat.size)
    return makeFileError(path, zip_error_strerror(zip_source_error(sink)));
  return bytes;
}

Error accopt::writeNpz(StringRef path, const NamedNumpyArrays &arrays) {
  Expected<std::string> bytes = serializeNpz(arrays, path);
  if (!bytes)
    return bytes.takeError();
  return writeOutputFile(path, *bytes);
}
