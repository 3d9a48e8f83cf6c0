//===- OutputFile.cpp - Files that appear whole or not at all -------------===//

#include "accopt/Support/OutputFile.h"

#include "accopt/Support/Diagnostics.h"

using namespace llvm;
using namespace accopt;

Expected<std::unique_ptr<OutputFile>> OutputFile::create(StringRef path) {
  std::unique_ptr<OutputFile> file(new OutputFile(path));
  if (path == "-") {
    file->stream = &outs();
    return file;
  }
  if (path.empty())
    return createStringError(inconvertibleErrorCode(),
                             "expected the name of an output file, got ''");

  sys::fs::file_status status;
  bool exists = !sys::fs::status(path, status);
  if (exists && sys::fs::is_directory(status))
    return makeFileError(path, "cannot write: is a directory");
  if (exists && !sys::fs::is_regular_file(status)) {
    std::error_code code;
    file->owned = std::make_unique<raw_fd_ostream>(path, code);
    file->stream = file->owned.get();
    if (code)
      return makeFileError(path, "cannot write: " + code.message());
    return file;
  }

  Expected<sys::fs::TempFile> temp =
      sys::fs::TempFile::create(path + ".%%%%%%%%.tmp");
  if (!temp)
    return makeFileError(
        path, "cannot write: " + errorToErrorCode(temp.takeError()).message());
  file->temp.emplace(std::move(*temp));
  file->owned = std::make_unique<raw_fd_ostream>(file->temp->FD,
                                                 /*shouldClose=*/false);
  file->stream = file->owned.get();
  return file;
}

OutputFile::~OutputFile() {
  if (owned) {
    owned->flush();
    owned->clear_error();
  }
  owned.reset();
  if (temp)
    consumeError(temp->discard());
}

Error OutputFile::commit() {
  stream->flush();
  std::error_code code = stream->error();
  stream->clear_error();
  // A device's stream closes itself; a temporary file's descriptor belongs to
  // TempFile.
  owned.reset();
  if (!temp)
    return code ? makeFileError(path, "cannot write: " + code.message())
                : Error::success();

  sys::fs::TempFile done = std::move(*temp);
  temp.reset();
  if (code) {
    consumeError(done.discard());
    return makeFileError(path, "cannot write: " + code.message());
  }
  if (Error error = done.keep(path)) {
    code = errorToErrorCode(std::move(error));
    return makeFileError(path, "cannot write: " + code.message());
  }
  return Error::success();
}

Error accopt::writeOutputFile(StringRef path,
                              function_ref<Error(raw_ostream &)> write) {
  Expected<std::unique_ptr<OutputFile>> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  if (Error error = write((*file)->os()))
    return error;
  return (*file)->commit();
}

Error accopt::writeOutputFile(StringRef path, StringRef contents) {
  return writeOutputFile(path, [&](raw_ostream &os) {
    os << contents;
    return Error::success();
  });
}
