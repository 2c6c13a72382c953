#include "tradeguard/sqlite_session.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "tradeguard/placeholders.hpp"
#include "tradeguard/sql_schema.hpp"

namespace tradeguard {

namespace {

Result<std::int64_t> kernel_file_system_type(const std::string& path);
Result<void> require_local(const std::string& file, const SqliteOptions& options);
Result<void> make_file(const std::string& file, mode_t rights);
Fault fault_of(int code);
std::string cause_of(int code, const std::string& file);
std::string_view name_of_network_file_system(std::int64_t type);
std::string folder_of(const std::string& file);
std::string as_sqlite_says_it(const std::string& sql);

}  // namespace

// SQLite keeps the numbered ones in a list of names and goes through it for each of them, so that
// 25,000 take a second to prepare. A bare one takes the number after the highest so far.
std::string with_bare_placeholders(std::string_view sql) {
  std::size_t highest = 0;
  return with_placeholders(sql, [&](std::size_t number, std::string& to) {
    to += '?';
    if (number != highest + 1) to += std::to_string(number);
    highest = std::max(highest, number);
  });
}

struct SqliteSession::Database {
  sqlite3* handle = nullptr;
  std::string file;
  std::function<void()> waiting;
  const std::atomic<bool>* stop_asked = nullptr;
  mutable std::chrono::steady_clock::time_point began;  // the statement that is going
  Micros busy_timeout{0};
  std::chrono::steady_clock::time_point busy_since;

  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { sqlite3_close_v2(handle); }

  Error error(const std::string& doing) const {
    const int code = sqlite3_errcode(handle);
    return {fault_of(code), doing + " " + file + ": " + sqlite3_errmsg(handle) + cause_of(code, file)};
  }
  Result<void> execute(const char* sql) const {
    if (sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
    return tl::unexpected{error("opening")};
  }
  Result<SqlRows> run(const Statement& statement) const;
  // Before anything of the file is read: whoever can write it may run nothing of his own by it.
  bool trust_nothing() const;
  // SQLite's own handler sleeps for longer the longer it has waited, so that whoever came last is served first: of
  // eight writers one waited for seconds. Here all ask equally often.
  bool waits_for_another(int asked_before) {
    const auto now = std::chrono::steady_clock::now();
    if (asked_before == 0) busy_since = now;
    if (now - busy_since >= busy_timeout) return false;
    sqlite3_sleep(1);
    return true;
  }
  bool is_to_end() const {
    return stop_asked != nullptr && stop_asked->load() && std::chrono::steady_clock::now() - began > 1s;
  }
};

Result<std::unique_ptr<SqliteSession>> SqliteSession::open(const std::string& file, const SqliteOptions& options) {
  const bool create = options.mode == SqliteOptions::Mode::create;
  struct stat found {};
  if (!create && ::stat(file.c_str(), &found) != 0)
    return failed(Fault::configuration,
                  "there is no store " + file + " (" + std::strerror(errno) + "): run `tradeguard init` to create it");
  if (auto local = require_local(file, options); !local) return relayed(local);

  if (create)
    if (auto made = make_file(file, options.rights); !made) return relayed(made);

  auto database = std::make_unique<Database>();
  database->file = file;
  const int flags =
      SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (sqlite3_open_v2(file.c_str(), &database->handle, flags, nullptr) != SQLITE_OK) {
    Error error = database->error("opening");
    error.fault = Fault::configuration;
    return tl::unexpected{std::move(error)};
  }
  database->busy_timeout = options.busy_timeout;
  sqlite3_busy_handler(
      database->handle,
      [](void* opaque, int asked_before) {
        return static_cast<Database*>(opaque)->waits_for_another(asked_before) ? 1 : 0;
      },
      database.get());
  if (!database->trust_nothing())
    return failed(Fault::configuration, "opening " + file + ": this SQLite cannot be told not to trust a file");
  database->waiting = options.waiting;
  database->stop_asked = options.stop_asked;
  if (options.waiting || options.stop_asked != nullptr) {
    constexpr int steps_between = 1'000'000;  // of SQLite's machine: some tens of milliseconds
    sqlite3_progress_handler(
        database->handle, steps_between,
        [](void* opaque) {
          const auto& self = *static_cast<const Database*>(opaque);
          if (self.waiting) self.waiting();
          return self.is_to_end() ? 1 : 0;
        },
        database.get());
  }
  // SQLite opens what it may not write without a word, and fails at the first write.
  if (sqlite3_db_readonly(database->handle, "main") == 1)
    return failed(Fault::configuration, "the store " + file + " is read-only" + cause_of(SQLITE_READONLY, file));

  for (const char* pragma : {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"})
    if (auto set = database->execute(pragma); !set) return relayed(set);

  const std::unique_ptr<char, decltype(&std::free)> real{::realpath(file.c_str(), nullptr), &std::free};
  if (!real) return failed(Fault::configuration, "opening " + file + ": " + std::strerror(errno));
  std::unique_ptr<SqliteSession> session{new SqliteSession{std::move(database), real.get()}};
  const Statement mode{"PRAGMA journal_mode", {}};
  auto wal = session->run(std::array{mode});
  if (!wal) return relayed(wal);
  if ((*wal)[0].rows != std::vector<SqlRow>{{std::string{"wal"}}})
    return failed(Fault::configuration, "the file system of " + file + " cannot keep a WAL");
  if (create) return session;
  if (auto schema = require_schema(*session); !schema) return relayed(schema, "opening " + file);
  const auto problems = examine_schema(*session, SchemaRoles::no_superuser, SchemaAge::current);
  if (!problems) return relayed(problems);
  if (!problems->empty()) return tl::unexpected{schema_refused(*problems).within("opening " + file)};
  return session;
}

bool SqliteSession::Database::trust_nothing() const {
  constexpr int largest_cell = 4 * 1024 * 1024;  // of ours none comes near
  const auto set = [&](int what, int value) {
    return sqlite3_db_config(handle, what, value, static_cast<int*>(nullptr)) == SQLITE_OK;
  };
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, largest_cell);
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
  return set(SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0) && set(SQLITE_DBCONFIG_DEFENSIVE, 1) &&
         set(SQLITE_DBCONFIG_ENABLE_TRIGGER, 0) && set(SQLITE_DBCONFIG_ENABLE_VIEW, 0);
}

SqliteSession::SqliteSession(std::unique_ptr<Database> database, std::string real_path)
    : database_{std::move(database)}, real_path_{std::move(real_path)} {}
SqliteSession::~SqliteSession() = default;

Result<std::vector<SqlRows>> SqliteSession::run(std::span<const Statement> statements) {
  const auto call = one_thread_.call();
  if (!call.alone()) return tl::unexpected{OneThread::used_twice()};
  ++round_trips_;
  std::vector<SqlRows> results;
  results.reserve(statements.size());
  for (const Statement& statement : statements) {
    auto rows = database_->run(statement);
    if (!rows) {
      if (sqlite3_get_autocommit(database_->handle) == 0)
        sqlite3_exec(database_->handle, "ROLLBACK", nullptr, nullptr, nullptr);
      return relayed(rows);
    }
    results.push_back(std::move(*rows));
  }
  return results;
}

Result<void> SqliteSession::require_in_place() const {
  int moved = 0;
  if (sqlite3_file_control(database_->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved == 0)
    return {};
  return failed(Fault::unreachable,
                "the store " + real_path_ +
                    " was moved, deleted or replaced while it was open; what is recorded now would be "
                    "lost");
}

Result<std::string> SqliteSession::epoch() {
  if (!epoch_.empty()) return epoch_;
  const Statement ask{"SELECT value FROM tradeguard_meta WHERE key = 'created'", {}};
  auto read = run(std::array{ask});
  if (!read) return relayed(read, "reading the store's epoch");
  const auto& rows = (*read)[0].rows;
  const auto* created = rows.empty() ? nullptr : std::get_if<std::string>(&rows[0][0]);
  // Without its mark it is another store than the one it was, and no reason not to protect what it has.
  epoch_ = "sqlite/" + (created != nullptr ? *created : std::string{"without a creation mark"});
  return epoch_;
}

Result<SqlRows> SqliteSession::Database::run(const Statement& statement) const {
  const auto broken = [&] { return tl::unexpected{error("writing or reading")}; };
  const std::string sql = as_sqlite_says_it(statement.sql);
  began = std::chrono::steady_clock::now();
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(handle, sql.c_str(), static_cast<int>(sql.size()), &raw, nullptr) != SQLITE_OK)
    return broken();
  const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> prepared{raw, &sqlite3_finalize};

  for (std::size_t i = 0; i < statement.arguments.size(); ++i) {
    const int place = static_cast<int>(i + 1);
    const int bound =
        std::visit(overloaded{
                       [&](std::monostate) { return sqlite3_bind_null(raw, place); },
                       [&](std::int64_t number) { return sqlite3_bind_int64(raw, place, number); },
                       // The statement does not outlive its arguments, so nothing is copied.
                       [&](const std::string& text) {
                         return sqlite3_bind_text64(raw, place, text.data(), text.size(), nullptr, SQLITE_UTF8);
                       },
                   },
                   statement.arguments[i]);
    if (bound != SQLITE_OK) return broken();
  }

  SqlRows rows;
  const int columns = sqlite3_column_count(raw);
  for (;;) {
    const int step = sqlite3_step(raw);
    if (step == SQLITE_DONE) break;
    if (step != SQLITE_ROW) return broken();
    SqlRow row;
    row.reserve(static_cast<std::size_t>(columns));
    for (int i = 0; i < columns; ++i) {
      switch (sqlite3_column_type(raw, i)) {
        case SQLITE_NULL:
          row.emplace_back();
          break;
        case SQLITE_INTEGER:
          row.emplace_back(std::int64_t{sqlite3_column_int64(raw, i)});
          break;
        default: {
          const void* text = sqlite3_column_blob(raw, i);
          const auto size = static_cast<std::size_t>(sqlite3_column_bytes(raw, i));
          row.emplace_back(size == 0 ? std::string{} : std::string{static_cast<const char*>(text), size});
        }
      }
    }
    rows.rows.push_back(std::move(row));
  }
  rows.changed = sqlite3_stmt_readonly(raw) != 0 ? 0 : sqlite3_changes64(handle);
  if (auto wrong = wrong_count(statement, rows)) return tl::unexpected{std::move(*wrong)};
  return rows;
}

namespace {

std::string as_sqlite_says_it(const std::string& sql) {
  // Immediate: a transaction that reads first and writes later would find its reading out of date.
  return sql == "BEGIN" ? "BEGIN IMMEDIATE" : with_bare_placeholders(sql);
}

Fault fault_of(int code) {
  switch (code & 0xFF) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG:
      return Fault::data;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:  // whoever is opening it was stopped in the middle
    case SQLITE_INTERRUPT:
    case SQLITE_FULL:  // heals when there is room again
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
      return Fault::unreachable;
    default:
      return Fault::configuration;
  }
}

std::string owner_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return "";
  return ", it is uid " + std::to_string(status.st_uid) + "'s and this process is uid " + std::to_string(::geteuid());
}

// SQLite says "disk I/O error" and "unable to open database file" to most of what can be mended.
std::string cause_of(int code, const std::string& file) {
  const int family = code & 0xFF;
  if (family != SQLITE_FULL && family != SQLITE_IOERR && family != SQLITE_CANTOPEN && family != SQLITE_READONLY)
    return "";
  const std::string folder = folder_of(file);
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) == 0 && (disk.f_bavail == 0 || (disk.f_files != 0 && disk.f_favail == 0)))
    return " (the disk that holds " + file + " is full" +
           (disk.f_bavail == 0 ? "" : ": no more files can be made on it") + ")";
  for (const std::string& path : {file, folder, file + "-wal", file + "-shm"}) {
    if (::access(path.c_str(), path == folder ? W_OK | X_OK : W_OK) == 0 || errno == ENOENT) continue;
    const std::string why = std::strerror(errno);
    return " (" + path + " cannot be written: " + why + owner_of(path) +
           "; SQLite writes the file and others beside it)";
  }
  return "";
}

Result<void> require_local(const std::string& file, const SqliteOptions& options) {
  // The folder the file really lies in: a link may lead into another file system.
  const std::unique_ptr<char, decltype(&std::free)> real{::realpath(file.c_str(), nullptr), &std::free};
  const std::string folder = folder_of(real ? real.get() : file);
  auto type = options.file_system_type ? options.file_system_type(folder) : kernel_file_system_type(folder);
  if (!type) return relayed(type);
  const std::string_view name = name_of_network_file_system(*type);
  if (name.empty()) return {};
  return failed(Fault::configuration,
                "the store " + file + " lies on a network file system (" + std::string{name} +
                    "), whose locks cannot be trusted: put it on a local disk, or use PostgreSQL");
}

// SQLite would make one that everybody can read, and who can read it can lock it. An empty file is a new
// database. One that is there is left alone, and not even opened: to close it would drop locks on it that
// this process has.
Result<void> make_file(const std::string& file, mode_t rights) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, rights);
  if (descriptor < 0) return {};  // SQLite says why
  const int set = ::fchmod(descriptor, rights);
  const int error = errno;
  ::close(descriptor);
  if (set == 0) return {};
  return failed(Fault::configuration, "making " + file + ": " + std::strerror(error));
}

Result<std::int64_t> kernel_file_system_type(const std::string& path) {
  struct statfs found {};
  if (::statfs(path.c_str(), &found) != 0)
    return failed(Fault::configuration, "the folder " + path + ": " + std::strerror(errno));
  return static_cast<std::int64_t>(found.f_type);
}

// The kernel's magic numbers, from statfs(2) and the file systems themselves. FUSE is among them:
// what stands behind it (sshfs, gluster, a host's folder) cannot be seen from here.
std::string_view name_of_network_file_system(std::int64_t type) {
  struct Magic {
    std::uint32_t type;
    std::string_view name;
  };
  static constexpr std::array network{
      Magic{0x6969, "NFS"},        Magic{0x517B, "SMB"},       Magic{0xFF534D42, "CIFS"},  Magic{0xFE534D42, "SMB2"},
      Magic{0x5346414F, "AFS"},    Magic{0x6B414653, "AFS"},   Magic{0x73757245, "Coda"},  Magic{0x564C, "NCP"},
      Magic{0x01021997, "9P"},     Magic{0x00C36400, "Ceph"},  Magic{0x47504653, "GPFS"},  Magic{0x0BD00BD0, "Lustre"},
      Magic{0x01161970, "GFS2"},   Magic{0x7461636F, "OCFS2"}, Magic{0x65735546, "FUSE"},  Magic{0x786F4256, "vboxsf"},
      Magic{0x19830326, "BeeGFS"}, Magic{0xAAD7AAEA, "PanFS"}, Magic{0x013111A8, "IBRIX"}, Magic{0x61756673, "AUFS"},
      Magic{0xBACBACBC, "VMHGFS"},
  };
  const auto* found = std::find_if(network.begin(), network.end(), [&](const Magic& magic) {
    // The field is signed on some machines and wider than the number on others.
    return magic.type == static_cast<std::uint32_t>(type);
  });
  return found == network.end() ? std::string_view{} : found->name;
}

std::string folder_of(const std::string& file) {
  const auto slash = file.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : file.substr(0, slash);
}

}  // namespace
}  // namespace tradeguard
