#include "tradeguard/postgres_session.hpp"

#include <array>

#include "connection.hpp"
#include "tradeguard/sql_schema.hpp"

namespace tradeguard {

namespace {

// The server's own clock when a statement comes to it, and not when its transaction began: a claim
// waits for the account's row before it reads the time.
constexpr const char* server_clock = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";

Statement ask_who_answers();
Result<void> judge_who_answers(const SqlRows& answer, int announced_pid);
Statement raise_synchronous_commit();
Statement lift_statement_limit();
Statement put_schema_on_path();
Statement ask_version();
Statement ask_epoch();
std::string text_in(const SqlRows& answer);

}  // namespace

Result<std::unique_ptr<PostgresSession>> PostgresSession::open(const std::string& url, const PostgresOptions& options) {
  auto connection = PostgresConnection::connect(url, options.insecure);
  if (!connection) return relayed(connection, "connecting");
  std::unique_ptr<PostgresSession> session{new PostgresSession{std::move(*connection), options}};
  const int announced_pid = session->connection_->announced_pid();
  const bool create = options.mode == PostgresOptions::Mode::create;

  // In the usual case everything is known after one round trip: what comes after the look at the schema
  // is not carried out where that finds something. Where there is no store, the questions to it fail.
  if (options.mode == PostgresOptions::Mode::looking) {
    auto looked = session->run(std::array{ask_who_answers()});
    if (!looked) return relayed(looked, "connecting");
    if (auto fine = judge_who_answers((*looked)[0], announced_pid); !fine) return relayed(fine, "connecting");
    return session;
  }

  const auto roles = create ? SchemaRoles::superuser_too : SchemaRoles::no_superuser;
  constexpr std::size_t before_the_schema = 2;
  constexpr std::size_t before_the_store = 4;
  std::vector<Statement> questions{ask_who_answers(), raise_synchronous_commit(), refuse_suspicious_schema(roles),
                                   put_schema_on_path()};
  if (!create) questions.insert(questions.end(), {ask_version(), ask_epoch(), ask_missing_columns()});
  auto answers = session->run(questions);
  if (!answers && answers.error().fault == Fault::data) {
    questions[before_the_schema] = refuse_foreign_schema(roles);
    answers = session->run(questions);
  }
  for (const std::size_t fewer : {before_the_store, before_the_schema}) {
    if (answers || questions.size() <= fewer) continue;
    questions.resize(fewer);
    answers = session->run(questions);
  }
  if (!answers) return relayed(answers, "connecting");
  if (auto fine = judge_who_answers((*answers)[0], announced_pid); !fine) return relayed(fine, "connecting");
  if (answers->size() == before_the_schema) {
    auto problems = examine_schema(*session, roles, SchemaAge::older);
    if (!problems) return relayed(problems, "connecting");
    if (problems->empty()) return failed(Fault::unreachable, "the schema tradeguard changed while it was looked at");
    return tl::unexpected{schema_refused(*problems).within("connecting")};
  }
  if (create) {
    auto unlimited = session->run(std::array{lift_statement_limit()});
    if (!unlimited) return relayed(unlimited, "connecting");
    session->connection_->be_patient(options.waiting);
    return session;
  }

  if (answers->size() == before_the_store) {
    const auto rights = missing_rights(*session);
    if (rights && !rights->empty()) return failed(Fault::configuration, *rights + "; " + how_to_grant);
    if (auto schema = require_schema(*session); !schema) return relayed(schema, "connecting");
    return failed(Fault::configuration, "the schema tradeguard cannot be read");
  }
  const auto& version = (*answers)[before_the_store].rows;
  const auto* number = version.empty() ? nullptr : std::get_if<std::int64_t>(&version[0][0]);
  if (auto schema = judge_schema_version(number ? std::optional{*number} : std::nullopt); !schema)
    return relayed(schema, "connecting");
  if (const auto missing = judge_missing_columns((*answers)[before_the_store + 2]); !missing.empty())
    return tl::unexpected{schema_refused(missing).within("connecting")};
  session->epoch_ = text_in((*answers)[before_the_store + 1]);
  return session;
}

PostgresSession::PostgresSession(std::shared_ptr<PostgresConnection> connection, PostgresOptions options)
    : connection_{std::move(connection)}, options_{options} {}
PostgresSession::~PostgresSession() = default;

Result<std::vector<SqlRows>> PostgresSession::run(std::span<const Statement> statements) {
  return connection_->run(statements);
}

std::optional<std::string> PostgresSession::server_now() const {
  return options_.server_clock ? std::optional<std::string>{server_clock} : std::nullopt;
}

Result<std::string> PostgresSession::epoch() {
  if (epoch_.empty()) {
    auto answer = run(std::array{ask_epoch()});
    if (!answer) return relayed(answer, "reading the epoch");
    epoch_ = text_in((*answer)[0]);
  }
  return epoch_;
}

std::int64_t PostgresSession::round_trips() const { return connection_->round_trips(); }

namespace {

Statement ask_who_answers() {
  return {
      "SELECT pg_backend_pid(), pg_is_in_recovery(), "
      "current_setting('search_path') = 'pg_catalog,pg_temp' "
      "AND current_setting('lock_timeout') = '2s' "
      "AND current_setting('statement_timeout') = '5s' "
      "AND current_setting('idle_in_transaction_session_timeout') = '5s' "
      "AND current_setting('idle_session_timeout') = '0' "
      "AND current_setting('default_transaction_isolation') = 'read committed' "
      "AND current_setting('default_transaction_read_only') = 'off'",
      {}};
}

Result<void> judge_who_answers(const SqlRows& answer, int announced_pid) {
  const SqlRow expected{std::int64_t{announced_pid}, std::int64_t{0}, std::int64_t{1}};
  if (answer.rows.size() != 1 || answer.rows[0].size() != expected.size())
    return failed(Fault::configuration, "what answers is not PostgreSQL");
  const SqlRow& found = answer.rows[0];
  if (found[0] != expected[0])
    return failed(Fault::configuration,
                  "between us and PostgreSQL stands PgBouncer or another pooler: its sessions are not "
                  "ours, and neither are their locks. Connect to PostgreSQL directly");
  if (found[1] != expected[1])
    return failed(Fault::configuration,
                  "this PostgreSQL is a standby, which cannot record anything: connect to the primary");
  if (found[2] != expected[2])
    return failed(Fault::configuration,
                  "the settings of the session were not taken; is there a pooler in between? Connect to "
                  "PostgreSQL directly");
  return {};
}

// At least `on`, and no less than what was asked for by whoever set up a synchronous standby.
Statement raise_synchronous_commit() {
  return {
      "SELECT set_config('synchronous_commit', "
      "CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' "
      "ELSE 'on' END, false)",
      {}};
}

// A migration takes what the tables are long, and a backup that reads them may be under way.
Statement lift_statement_limit() {
  return {"SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '30s', false)", {}};
}

// After PostgreSQL's own, so that nothing in it answers to one of their names.
Statement put_schema_on_path() {
  return {"SELECT pg_catalog.set_config('search_path', 'pg_catalog, tradeguard, pg_temp', false)", {}};
}

Statement ask_version() {
  return {"SELECT CAST(value AS BIGINT) FROM tradeguard_meta WHERE key = 'schema_version'", {}};
}

// The timeline is that of the log as it is written now: the control file's is that of the last
// checkpoint, which comes some time after a promotion.
Statement ask_epoch() {
  return {
      "SELECT 'postgres/' || system_identifier || '/' || CASE WHEN pg_is_in_recovery() THEN '' "
      "ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END || '/' "
      "|| CAST(to_regclass('tradeguard.accounts') AS oid) FROM pg_control_system()",
      {}};
}

std::string text_in(const SqlRows& answer) {
  const auto* text = answer.rows.size() == 1 ? std::get_if<std::string>(&answer.rows[0][0]) : nullptr;
  return text ? *text : std::string{};
}

}  // namespace
}  // namespace tradeguard
