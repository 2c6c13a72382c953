#include "connection.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "parsed_address.hpp"
#include "tradeguard/placeholders.hpp"
#include "tradeguard/postgres_session.hpp"

namespace tradeguard {

namespace {

// A server that is stopped acknowledges bytes and says nothing; it gets longer than any statement
// may take.
constexpr int patience_in_ms = 20'000;

constexpr int between_words_in_ms = 1'000;

// Pinned over the defaults of server, database and role. Nothing but PostgreSQL's own is on the search
// path before the schema was looked at. The timeouts bound what a holder that
// hangs can do to others, the keepalives how long a vanished host keeps its locks.
constexpr std::string_view pinned_settings =
    "-c search_path=pg_catalog,pg_temp -c default_transaction_isolation=read\\ committed "
    "-c default_transaction_read_only=off -c lock_timeout=2s -c statement_timeout=5s "
    "-c idle_in_transaction_session_timeout=5s -c idle_session_timeout=0 "
    "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 "
    "-c tcp_user_timeout=20s -c client_connection_check_interval=2s "
    "-c standard_conforming_strings=on -c jit=off";

constexpr const char* no_clear_password =
    "the database is reached without a certificate that is checked, and would get the password in clear if it asked "
    "for it; whoever listens at that port could be somebody else. Connect by its unix socket, or switch on ssl and "
    "scram-sha-256 at the server, or write sslmode=verify-full into store.url, or store.insecure = true";

struct Setting {
  std::string name;
  std::string value;
};
Result<std::vector<Setting>> connection_settings(const std::string& url);
// What libpq makes of settings, environment, service and password files together.
struct Resolved {
  // Who could answer in the server's place: nobody, whoever has a login here, or whoever is on the way.
  enum class Reach { socket, this_machine, network };
  Reach reach = Reach::network;
  std::string sslmode;
  bool has_password = true;
};
Resolved resolved(std::vector<Setting> settings);
// What is to be added, so that no stranger gets a password; Fault::configuration where the settings say
// otherwise and `store.insecure` does not.
Result<std::vector<Setting>> safer_settings(const Resolved& target);
// Names and values as libpq takes them; they live as long as the settings.
struct Parameters {
  explicit Parameters(const std::vector<Setting>& settings);
  std::vector<const char*> names;
  std::vector<const char*> values;
};
Error refused_connection(const std::string& message);
Error failed_statement(const PGresult* answer);
Fault fault_of(std::string_view sqlstate);
SqlRows rows_of(const PGresult* answer);
std::string one_line(std::string text);

}  // namespace

Result<std::shared_ptr<PostgresConnection>> PostgresConnection::connect(const std::string& url, bool insecure) {
  auto settings = connection_settings(url);
  if (!settings) return relayed(settings);
  if (!insecure) {
    auto safer = safer_settings(resolved(*settings));
    if (!safer) return relayed(safer);
    settings->insert(settings->end(), safer->begin(), safer->end());
  }
  const Parameters parameters{*settings};
  Handle handle{PQconnectdbParams(parameters.names.data(), parameters.values.data(), 0), &PQfinish};
  if (!handle) return failed(Fault::unreachable, "out of memory while connecting");
  if (PQstatus(handle.get()) != CONNECTION_OK) return tl::unexpected{refused_connection(PQerrorMessage(handle.get()))};
  if (PQsetnonblocking(handle.get(), 1) != 0 || PQenterPipelineMode(handle.get()) != 1)
    return failed(Fault::unreachable, one_line(PQerrorMessage(handle.get())));
  std::shared_ptr<PostgresConnection> connection{new PostgresConnection{std::move(handle)}};
  // The last words of a server that ends the session come as a notice when nothing was asked.
  PQsetNoticeReceiver(
      connection->connection_.get(),
      [](void* self, const PGresult* notice) {
        const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
        if (severity && std::string_view{severity} == "FATAL")
          static_cast<PostgresConnection*>(self)->lost_because_ = failed_statement(notice).what;
      },
      connection.get());
  return connection;
}

Result<std::vector<SqlRows>> PostgresConnection::run(std::span<const Statement> statements) {
  const auto call = one_thread_.call();
  if (!call.alone()) return tl::unexpected{OneThread::used_twice()};
  auto results = run_pipeline(statements);
  if (results || PQstatus(connection_.get()) != CONNECTION_OK) return results;
  if (PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) {
    const Statement rollback{"ROLLBACK", {}};
    if (auto undone = run_pipeline(std::array{rollback}); !undone) return undone;
  }
  return results;
}

Result<std::vector<SqlRows>> PostgresConnection::run_pipeline(std::span<const Statement> statements) {
  if (!seems_alive()) return tl::unexpected{lost()};
  ++round_trips_;
  for (const Statement& statement : statements)
    if (!send(statement)) return tl::unexpected{lost()};
  if (PQpipelineSync(connection_.get()) != 1) return tl::unexpected{lost()};

  std::vector<SqlRows> results;
  results.reserve(statements.size());
  std::optional<Error> first_error;
  for (;;) {
    auto answer = next_answer();
    if (!answer || (!*answer && PQstatus(connection_.get()) != CONNECTION_OK)) {
      if (first_error) lost_because_ = first_error->what;
      return tl::unexpected{lost()};
    }
    if (!*answer) continue;  // the end of one statement's answer
    switch (PQresultStatus(answer->get())) {
      case PGRES_PIPELINE_SYNC:
        if (first_error) return tl::unexpected{std::move(*first_error)};
        return results;
      case PGRES_TUPLES_OK:
      case PGRES_COMMAND_OK:
        // A COMMIT of a transaction that failed before answers so, without an error.
        if (results.size() < statements.size() && statements[results.size()].sql == "COMMIT" &&
            std::string_view{PQcmdStatus(answer->get())} == "ROLLBACK" && !first_error)
          first_error = Error{Fault::data, "the transaction had failed before its commit"};
        results.push_back(rows_of(answer->get()));
        if (auto wrong = results.size() <= statements.size()
                             ? wrong_count(statements[results.size() - 1], results.back())
                             : std::nullopt;
            wrong && !first_error)
          first_error = std::move(*wrong);
        break;
      case PGRES_PIPELINE_ABORTED:
        break;  // what stands behind the statement that failed
      case PGRES_EMPTY_QUERY:
      case PGRES_COPY_OUT:
      case PGRES_COPY_IN:
      case PGRES_COPY_BOTH:
      case PGRES_BAD_RESPONSE:
      case PGRES_NONFATAL_ERROR:
      case PGRES_FATAL_ERROR:
      case PGRES_SINGLE_TUPLE:
        if (!first_error) first_error = failed_statement(answer->get());
        break;
    }
  }
}

bool PostgresConnection::send(const Statement& statement) {
  constexpr Oid bigint = 20;
  constexpr Oid text = 25;
  constexpr Oid from_context = 0;
  const std::string sql = with_dollar_placeholders(statement.sql);
  std::vector<std::string> numbers(statement.arguments.size());
  std::vector<Oid> types(statement.arguments.size(), from_context);
  std::vector<const char*> values(statement.arguments.size(), nullptr);
  for (std::size_t i = 0; i < statement.arguments.size(); ++i)
    std::visit(overloaded{
                   [](std::monostate) {},
                   [&](std::int64_t number) {
                     numbers[i] = std::to_string(number);
                     values[i] = numbers[i].c_str();
                     types[i] = bigint;
                   },
                   [&](const std::string& word) {
                     values[i] = word.c_str();
                     types[i] = text;
                   },
               },
               statement.arguments[i]);
  return PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(statement.arguments.size()), types.data(),
                           values.data(), nullptr, nullptr, 0) == 1;
}

std::optional<PostgresConnection::Answer> PostgresConnection::next_answer() {
  while (PQisBusy(connection_.get()) == 1)
    if (!wait_for_input()) return std::nullopt;
  return Answer{PQgetResult(connection_.get()), &PQclear};
}

void PostgresConnection::be_patient(std::function<void()> waiting) {
  patient_ = true;
  waiting_ = std::move(waiting);
}

bool PostgresConnection::wait_for_input() {
  const int unsent = PQflush(connection_.get());
  if (unsent < 0) return false;
  pollfd socket{PQsocket(connection_.get()), POLLIN, 0};
  if (unsent == 1) socket.events |= POLLOUT;
  int ready = 0;
  for (;;) {
    ready = ::poll(&socket, 1, patient_ ? between_words_in_ms : patience_in_ms);
    if (ready == 0 && patient_ && waiting_) waiting_();
    if (!(ready < 0 && errno == EINTR) && !(ready == 0 && patient_)) break;
  }
  if (ready <= 0) {
    lost_because_ = ready == 0 ? "the server does not answer" : std::strerror(errno);
    return false;
  }
  return (socket.revents & ~POLLOUT) == 0 || PQconsumeInput(connection_.get()) == 1;
}

// Whatever the state of the protocol is now, nobody will ask this connection anything more. The
// handle is closed here and not later, so that the server frees the locks as soon as it can.
Error PostgresConnection::lost() {
  if (connection_) {
    if (lost_because_.empty()) lost_because_ = one_line(PQerrorMessage(connection_.get()));
    not_for_forks_.reset();
    connection_.reset();
  }
  return {Fault::unreachable, "the connection to PostgreSQL is lost: " + lost_because_};
}

bool PostgresConnection::seems_alive() {
  if (!connection_) return false;
  // The last words and the end of the stream come in two readings.
  for (int reading = 0; reading < 4; ++reading) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) return false;
    pollfd socket{PQsocket(connection_.get()), POLLIN, 0};
    if (::poll(&socket, 1, 0) <= 0) return true;
    if (PQconsumeInput(connection_.get()) != 1) return false;
    (void)PQisBusy(connection_.get());  // has it look at what came
  }
  return PQstatus(connection_.get()) == CONNECTION_OK;
}

bool PostgresConnection::heard_lately() const {
  if (!connection_) return false;
  constexpr unsigned lately_in_ms = 2'000;
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const int socket = PQsocket(connection_.get());
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return false;
  if (peer.ss_family == AF_UNIX) return true;  // the kernel knows at once when the other end is gone
  tcp_info state{};
  size = sizeof state;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &state, &size) != 0) return false;
  return state.tcpi_last_data_recv < lately_in_ms;
}

namespace {

Result<std::vector<Setting>> connection_settings(const std::string& url) {
  const ParsedAddress parsed = parsed_address(url);
  if (!parsed)
    return failed(Fault::configuration,
                  "the address of the database cannot be read; it is postgresql://user@host:port/database");

  // Looking for Kerberos tickets costs every run a millisecond; who wants its encryption writes so, in
  // the address or in PGGSSENCMODE.
  std::vector<Setting> settings;
  if (std::getenv("PGGSSENCMODE") == nullptr) settings.push_back({"gssencmode", "disable"});
  std::string options;
  // By its beginning other runs know the holder of the lock for a tradeguard.
  std::string application;
  if (const char* given = std::getenv("PGAPPNAME")) application = given;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view name = option->keyword;
    if (name == "options")
      options = std::string{option->val} + " ";
    else if (name == "application_name")
      application = option->val;
    else
      settings.push_back({option->keyword, option->val});
  }
  constexpr std::string_view ours = "tradeguard";
  if (!application.starts_with(ours)) application = std::string{ours} + (application.empty() ? "" : " ") + application;
  // A later one of the same name wins.
  options += pinned_settings;
  for (const auto& [name, value] : std::initializer_list<Setting>{{"options", options},
                                                                  {"application_name", application},
                                                                  {"client_encoding", "UTF8"},
                                                                  {"connect_timeout", "5"},
                                                                  {"keepalives", "1"},
                                                                  {"keepalives_idle", "10"},
                                                                  {"keepalives_interval", "5"},
                                                                  {"keepalives_count", "3"},
                                                                  {"tcp_user_timeout", "20000"}})
    settings.push_back({name, value});
  return settings;
}

Parameters::Parameters(const std::vector<Setting>& settings) {
  for (const Setting& setting : settings) {
    names.push_back(setting.name.c_str());
    values.push_back(setting.value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
}

std::vector<std::string> split_at_commas(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t from = 0, to = 0; to != std::string::npos; from = to + 1) {
    to = list.find(',', from);
    parts.push_back(list.substr(from, to == std::string::npos ? to : to - from));
  }
  return parts;
}

Resolved::Reach reach_of_one(const std::string& host, const std::string& address) {
  const std::string& where = address.empty() ? host : address;
  if (where.empty() || where.front() == '/' || where.front() == '@') return Resolved::Reach::socket;
  if (where == "localhost" || where == "::1") return Resolved::Reach::this_machine;
  in_addr four{};
  constexpr std::uint32_t loopback = 127;
  return ::inet_pton(AF_INET, where.c_str(), &four) == 1 && ntohl(four.s_addr) >> 24 == loopback
             ? Resolved::Reach::this_machine
             : Resolved::Reach::network;
}

// libpq fills in what it knows, and stops before it connects: at a value that it does not take, which it
// looks at last.
Resolved resolved(std::vector<Setting> settings) {
  settings.push_back({"target_session_attrs", "none that there is"});
  const Parameters parameters{settings};
  const std::unique_ptr<PGconn, decltype(&PQfinish)> asked{
      PQconnectStartParams(parameters.names.data(), parameters.values.data(), 0), &PQfinish};
  Resolved target;
  if (!asked) return target;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> filled{PQconninfo(asked.get()), &PQconninfoFree};
  if (!filled) return target;
  std::string hosts;
  std::string addresses;
  for (const PQconninfoOption* option = filled.get(); option->keyword != nullptr; ++option) {
    const std::string_view name = option->keyword;
    const std::string value = option->val != nullptr ? option->val : "";
    if (name == "host") hosts = value;
    if (name == "hostaddr") addresses = value;
    if (name == "sslmode") target.sslmode = value;
  }
  const auto names = split_at_commas(hosts);
  const auto numbers = split_at_commas(addresses);
  target.reach = Resolved::Reach::socket;
  const std::size_t servers = std::max(names.size(), numbers.size());
  for (std::size_t i = 0; i < servers; ++i)
    target.reach =
        std::max(target.reach, reach_of_one(i < names.size() ? names[i] : "", i < numbers.size() ? numbers[i] : ""));
  // A password file may have one for the second of two servers.
  const char* password = PQpass(asked.get());
  target.has_password = servers > 1 || (password != nullptr && *password != '\0');
  return target;
}

Result<std::vector<Setting>> safer_settings(const Resolved& target) {
  using Reach = Resolved::Reach;
  if (target.reach == Reach::socket || target.sslmode == "verify-full") return std::vector<Setting>{};
  const bool by_default = target.sslmode.empty() || target.sslmode == "prefer";
  if (target.reach == Reach::network) {
    if (by_default) return std::vector<Setting>{{"sslmode", "verify-full"}};
    return failed(Fault::configuration,
                  "the database is on another host, and sslmode=" + target.sslmode +
                      " lets anybody on the way answer in its place: write sslmode=verify-full (and sslrootcert=FILE, "
                      "the authority that signed its certificate) into store.url, or store.insecure = true");
  }
  if (!target.has_password) return std::vector<Setting>{};
  constexpr int with_require_auth = 160000;
  if (PQlibVersion() >= with_require_auth) return std::vector<Setting>{{"require_auth", "!password"}};
  // This libpq sends a password in clear to whoever asks for it, unless the password is bound to the
  // certificate of an encrypted channel.
  if (target.sslmode == "disable") return failed(Fault::configuration, no_clear_password);
  std::vector<Setting> safer{{"channel_binding", "require"}};
  if (by_default || target.sslmode == "allow") safer.push_back({"sslmode", "require"});
  return safer;
}

Error refused_connection(const std::string& message) {
  const auto says = [&](std::string_view words) { return message.find(words) != std::string::npos; };
  const std::string text = one_line(message);
  if (says("unsupported startup parameter"))
    return {Fault::configuration,
            "this is PgBouncer or another pooler, and not PostgreSQL: its sessions are not ours, and "
            "neither are its locks. Connect to PostgreSQL directly (" +
                text + ")"};
  if (says("unrecognized configuration parameter"))
    return {Fault::configuration, "PostgreSQL 14 or newer is needed (" + text + ")"};
  for (const auto* clear : {"server does not support SSL", "channel binding required", "require_auth"})
    if (says(clear)) return {Fault::configuration, no_clear_password + (" (" + text + ")")};
  if (says("root certificate file") && says("does not exist"))
    return {Fault::configuration,
            "the database is on another host, whose certificate has to be checked: write sslrootcert=FILE, the "
            "authority that signed it, into store.url, or store.insecure = true (" +
                text + ")"};
  for (const auto* wrong :
       {"authentication", "does not exist", "pg_hba.conf", "no password supplied", "could not translate host name",
        "permission denied", "is not permitted to log in", "certificate", "invalid "})
    if (says(wrong)) return {Fault::configuration, text};
  return {Fault::unreachable, text};
}

Error failed_statement(const PGresult* answer) {
  const auto field = [&](int code) {
    const char* value = PQresultErrorField(answer, code);
    return std::string{value ? value : ""};
  };
  const std::string sqlstate = field(PG_DIAG_SQLSTATE);
  std::string what = field(PG_DIAG_MESSAGE_PRIMARY);
  if (what.empty()) what = PQresultErrorMessage(answer);
  if (!sqlstate.empty()) what += " (" + sqlstate + ")";
  return {fault_of(sqlstate), one_line(std::move(what))};
}

Fault fault_of(std::string_view sqlstate) {
  const std::string_view family = sqlstate.substr(0, 2);
  // Wrong values and violated constraints: this very batch, and no other.
  if (family == "21" || family == "22" || family == "23") return Fault::data;
  // Timeouts, deadlocks, exhaustion, shutdown, lost connections: may be better in a minute.
  for (const std::string_view passing : {"08", "40", "53", "55", "57", "58"})
    if (family == passing) return Fault::unreachable;
  if (sqlstate.empty() || sqlstate == "25P03") return Fault::unreachable;
  return Fault::configuration;
}

SqlValue value_of(const PGresult* answer, int row, int column) {
  if (PQgetisnull(answer, row, column) == 1) return {};
  const char* const text = PQgetvalue(answer, row, column);
  const char* const end = text + PQgetlength(answer, row, column);
  constexpr std::array<Oid, 4> whole_numbers{20, 21, 23, 26};  // int8, int2, int4, oid
  constexpr Oid boolean = 16;
  const Oid type = PQftype(answer, column);
  if (type == boolean) return std::int64_t{*text == 't' ? 1 : 0};
  if (std::find(whole_numbers.begin(), whole_numbers.end(), type) != whole_numbers.end()) {
    std::int64_t number = 0;
    if (std::from_chars(text, end, number).ptr == end) return number;
  }
  return std::string{text, end};
}

SqlRows rows_of(const PGresult* answer) {
  SqlRows rows;
  const int columns = PQnfields(answer);
  const int count = PQntuples(answer);
  rows.rows.reserve(static_cast<std::size_t>(count));
  for (int r = 0; r < count; ++r) {
    SqlRow row;
    row.reserve(static_cast<std::size_t>(columns));
    for (int c = 0; c < columns; ++c) row.push_back(value_of(answer, r, c));
    rows.rows.push_back(std::move(row));
  }
  // PQcmdTuples counts what a SELECT shows as well.
  const std::string_view command = PQcmdStatus(const_cast<PGresult*>(answer));
  if (!command.starts_with("SELECT")) {
    const std::string_view changed = PQcmdTuples(const_cast<PGresult*>(answer));
    std::from_chars(changed.data(), changed.data() + changed.size(), rows.changed);
  }
  return rows;
}

std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  // libpq breaks its sentences by lines that begin with a tab.
  for (std::size_t at = 0; (at = text.find("\n\t", at)) != std::string::npos;) text.erase(at, 1);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return text;
}

}  // namespace

std::string with_dollar_placeholders(std::string_view sql) {
  return with_placeholders(sql,
                           [](std::size_t number, std::string& to) { to.append("$").append(std::to_string(number)); });
}

}  // namespace tradeguard
