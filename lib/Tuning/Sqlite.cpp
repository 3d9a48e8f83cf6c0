//===- Sqlite.cpp - SQLite with our errors --------------------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Sqlite.h"

#include "accopt/Support/Diagnostics.h"

#include <cstring>
#include <limits>
#include <sqlite3.h>

using namespace llvm;

namespace accopt::sqlite {

/// What went wrong and what to do about it.
static std::string explain(int code, sqlite3 *connection) {
  std::string detail = connection ? sqlite3_errmsg(connection) : "no memory";
  int system = connection ? sqlite3_system_errno(connection) : 0;
  if (system)
    detail += std::string(", ") + std::strerror(system);
  switch (code & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return "is in use by another process; wait for it or end it";
  case SQLITE_FULL:
    return "the disk is full; what was recorded is kept: free space and go on "
           "with --resume";
  case SQLITE_READONLY:
  case SQLITE_PERM:
  case SQLITE_AUTH:
    return "cannot be written (" + detail +
           "); check the permissions of the file and of its folder";
  case SQLITE_CANTOPEN:
    return "cannot be opened (" + detail +
           "); check that its folder exists and can be written";
  case SQLITE_NOTADB:
    return "is no journal (" + detail + "); remove it or use another folder";
  case SQLITE_CORRUPT:
    return "is damaged (" + detail + "); remove it and start the run again";
  case SQLITE_IOERR:
    return "cannot be read or written (" + detail +
           "); what was recorded is kept: go on with --resume once that is "
           "solved";
  default:
    return "unexpected error of SQLite: " + detail;
  }
}

static Error errorOf(StringRef path, int code, sqlite3 *connection) {
  return makeFileError(path, explain(code, connection));
}

//===----------------------------------------------------------------------===//
// Statement
//===----------------------------------------------------------------------===//

Statement::Statement(std::string path, sqlite3 *connection,
                     sqlite3_stmt *statement)
    : path(std::move(path)), connection(connection), statement(statement) {}

void Statement::Finalizer::operator()(sqlite3_stmt *statement) const {
  sqlite3_finalize(statement);
}

void Statement::note(int code) {
  if (code != SQLITE_OK && bindCode == SQLITE_OK)
    bindCode = code;
}

Statement &Statement::bindText(int index, StringRef text) {
  note(sqlite3_bind_text64(statement.get(), index,
                           text.data() ? text.data() : "", text.size(),
                           SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Statement &Statement::bindBlob(int index, StringRef bytes) {
  note(bytes.empty() ? sqlite3_bind_zeroblob(statement.get(), index, 0)
                     : sqlite3_bind_blob64(statement.get(), index, bytes.data(),
                                           bytes.size(), SQLITE_TRANSIENT));
  return *this;
}

Statement &Statement::bindInteger(int index, int64_t value) {
  note(sqlite3_bind_int64(statement.get(), index, value));
  return *this;
}

Statement &Statement::bindReal(int index, double value) {
  note(sqlite3_bind_double(statement.get(), index, value));
  return *this;
}

Expected<bool> Statement::step() {
  int code = bindCode;
  if (code == SQLITE_TOOBIG)
    return makeFileError(path, "a record of more than a gigabyte");
  if (code == SQLITE_OK)
    code = sqlite3_step(statement.get());
  if (code == SQLITE_ROW)
    return true;
  if (code == SQLITE_DONE)
    return false;
  // The message belongs to the error: take it before the reset.
  Error error = errorOf(path, code, connection);
  sqlite3_reset(statement.get());
  return std::move(error);
}

Error Statement::finish() {
  Expected<bool> row = step();
  if (!row)
    return row.takeError();
  reset();
  return Error::success();
}

void Statement::reset() { sqlite3_reset(statement.get()); }

StringRef Statement::column(int index) const {
  auto *data =
      static_cast<const char *>(sqlite3_column_blob(statement.get(), index));
  auto size = size_t(sqlite3_column_bytes(statement.get(), index));
  return data ? StringRef(data, size) : StringRef();
}

int64_t Statement::integer(int index) const {
  return sqlite3_column_int64(statement.get(), index);
}

double Statement::real(int index) const {
  if (sqlite3_column_type(statement.get(), index) == SQLITE_NULL)
    return std::numeric_limits<double>::quiet_NaN();
  return sqlite3_column_double(statement.get(), index);
}

//===----------------------------------------------------------------------===//
// Database
//===----------------------------------------------------------------------===//

void Database::Closer::operator()(sqlite3 *connection) const {
  sqlite3_close_v2(connection);
}

Expected<Database> Database::open(StringRef path) {
  Database database;
  database.file = path.str();
  sqlite3 *connection = nullptr;
  int code = sqlite3_open_v2(database.file.c_str(), &connection,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                                 SQLITE_OPEN_EXRESCODE,
                             nullptr);
  database.connection.reset(connection);
  if (code != SQLITE_OK)
    return errorOf(path, code, connection);
  return std::move(database);
}

Error Database::run(StringRef sql) {
  int code = sqlite3_exec(connection.get(), sql.str().c_str(), nullptr, nullptr,
                          nullptr);
  return code == SQLITE_OK ? Error::success()
                           : errorOf(file, code, connection.get());
}

Expected<Statement> Database::prepare(StringRef sql) {
  sqlite3_stmt *statement = nullptr;
  int code = sqlite3_prepare_v2(connection.get(), sql.data(), int(sql.size()),
                                &statement, nullptr);
  if (code != SQLITE_OK)
    return errorOf(file, code, connection.get());
  return Statement(file, connection.get(), statement);
}

Expected<int64_t> Database::integer(StringRef sql) {
  Expected<Statement> statement = prepare(sql);
  if (!statement)
    return statement.takeError();
  Expected<bool> row = statement->step();
  if (!row)
    return row.takeError();
  return *row ? statement->integer(0) : 0;
}

Expected<std::string> Database::text(StringRef sql) {
  Expected<Statement> statement = prepare(sql);
  if (!statement)
    return statement.takeError();
  Expected<bool> row = statement->step();
  if (!row)
    return row.takeError();
  return *row ? statement->column(0).str() : std::string();
}

Error Database::transaction(function_ref<Error()> body) {
  if (Error error = run("BEGIN EXCLUSIVE"))
    return error;
  Error error = body();
  if (!error)
    error = run("COMMIT");
  // A failed commit (a full disk) leaves the transaction open, unless SQLite
  // has rolled back by itself.
  if (error && !sqlite3_get_autocommit(connection.get()))
    consumeError(run("ROLLBACK"));
  return error;
}

int64_t Database::lastRow() const {
  return sqlite3_last_insert_rowid(connection.get());
}

int Database::changes() const { return sqlite3_changes(connection.get()); }

} // namespace accopt::sqlite
