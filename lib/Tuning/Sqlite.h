//===- Sqlite.h - SQLite with our errors ------------------------*- C++ -*-===//
//
// Part of AccOpt. The few calls of SQLite (https://sqlite.org/c3ref/intro.html)
// that the journal makes. Every error is one line that names the file and says
// what to do.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TUNING_SQLITE_H
#define ACCOPT_LIB_TUNING_SQLITE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

struct sqlite3;
struct sqlite3_stmt;

namespace accopt::sqlite {

/// A prepared statement. Parameters and columns count as SQLite counts them:
/// from 1 and from 0. An error of a bind is returned by the step after it.
class Statement {
public:
  Statement(std::string path, sqlite3 *connection, sqlite3_stmt *statement);

  Statement &bindText(int index, llvm::StringRef text);
  Statement &bindBlob(int index, llvm::StringRef bytes);
  Statement &bindInteger(int index, int64_t value);
  /// SQLite has no NaN; it becomes NULL, which real() gives back as NaN.
  Statement &bindReal(int index, double value);

  /// Whether there is a row.
  llvm::Expected<bool> step();
  /// Runs a statement without rows to its end and resets it.
  llvm::Error finish();
  void reset();

  /// The bytes of a column, valid until the next step.
  llvm::StringRef column(int index) const;
  int64_t integer(int index) const;
  double real(int index) const;

private:
  void note(int code);
  struct Finalizer {
    void operator()(sqlite3_stmt *statement) const;
  };
  std::string path;
  sqlite3 *connection;
  std::unique_ptr<sqlite3_stmt, Finalizer> statement;
  int bindCode = 0;
};

class Database {
public:
  static llvm::Expected<Database> open(llvm::StringRef path);

  llvm::StringRef path() const { return file; }
  /// Runs statements that give no rows, separated by semicolons.
  llvm::Error run(llvm::StringRef sql);
  llvm::Expected<Statement> prepare(llvm::StringRef sql);
  /// The first column of the first row.
  llvm::Expected<int64_t> integer(llvm::StringRef sql);
  llvm::Expected<std::string> text(llvm::StringRef sql);
  /// All that `body` does, or nothing if it fails.
  llvm::Error transaction(llvm::function_ref<llvm::Error()> body);
  int64_t lastRow() const;
  /// Rows that the last statement changed.
  int changes() const;

private:
  struct Closer {
    void operator()(sqlite3 *connection) const;
  };
  std::string file;
  std::unique_ptr<sqlite3, Closer> connection;
};

} // namespace accopt::sqlite

#endif // ACCOPT_LIB_TUNING_SQLITE_H
