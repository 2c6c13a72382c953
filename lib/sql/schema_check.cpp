// Is what lies in the store's schema what `init` made, and nobody else's to change? Whoever can put a
// function, trigger or view there has it run in the bot's name.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "cells.hpp"
#include "tradeguard/sql_schema.hpp"

namespace tradeguard {

namespace {

// ---- Definitions, taken apart ------------------------------------------------------------------

struct TableDefinition {
  std::string name;
  std::vector<std::string> items;  // columns and constraints, in the order of the text
};
std::optional<TableDefinition> table_in(const std::string& sql);
bool is_column(const std::string& item);
bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }
std::vector<std::string> definitions_of_both();

// ---- What is wrong -----------------------------------------------------------------------------

// One row for everything in the schema that another role could have put there or could put there now:
// place, sentence, SQL that mends it. Only pg_catalog is on the search path while it is asked, so that
// nothing of what it looks for can answer in its name.
constexpr std::string_view foreign_things = R"sql(
WITH me AS (SELECT r.oid, r.rolsuper, pg_catalog.quote_ident(r.rolname) AS name
  FROM pg_catalog.pg_roles r WHERE r.rolname = current_user),
n AS (SELECT s.oid, s.nspowner, s.nspacl FROM pg_catalog.pg_namespace s WHERE s.nspname = 'tradeguard'),
ours AS (SELECT r.oid FROM pg_catalog.pg_roles r, me WHERE r.rolsuper OR r.oid = me.oid
  OR (pg_catalog.pg_has_role(r.oid, 'MEMBER') AND NOT me.rolsuper)
  OR r.oid = (SELECT d.datdba FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())),
c AS (SELECT x.oid, x.relkind, x.relowner, x.relacl, x.relrowsecurity, 'tradeguard.' || pg_catalog.quote_ident(x.relname) AS name
  FROM pg_catalog.pg_class x JOIN n ON n.oid = x.relnamespace WHERE x.relkind NOT IN ('i', 'I')),
granted AS (
  SELECT CAST('CREATE' AS text) AS privilege, 'SCHEMA tradeguard' AS thing, a.grantee, CAST(NULL AS oid) AS relation
    FROM n, LATERAL pg_catalog.aclexplode(n.nspacl) a WHERE a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner
  UNION ALL
  SELECT a.privilege_type, c.name, a.grantee, c.oid FROM c, LATERAL pg_catalog.aclexplode(c.relacl) a
    WHERE a.grantee <> c.relowner AND (a.privilege_type = 'TRIGGER' OR (a.grantee = CAST(0 AS oid)
      AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')))),
expressions AS (
  SELECT c.name, 'ALTER TABLE ' || c.name || ' DROP CONSTRAINT ' || pg_catalog.quote_ident(k.conname) AS mend,
    CAST('pg_catalog.pg_constraint' AS regclass) AS classid, k.oid AS objid FROM c JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid
  UNION ALL
  SELECT c.name, 'ALTER TABLE ' || c.name || ' ALTER COLUMN ' || pg_catalog.quote_ident(t.attname) || ' DROP DEFAULT',
    CAST('pg_catalog.pg_attrdef' AS regclass), f.oid FROM c JOIN pg_catalog.pg_attrdef f ON f.adrelid = c.oid
    JOIN pg_catalog.pg_attribute t ON t.attrelid = f.adrelid AND t.attnum = f.adnum
  UNION ALL
  SELECT c.name, 'DROP INDEX ' || CAST(CAST(i.indexrelid AS regclass) AS text),
    CAST('pg_catalog.pg_class' AS regclass), i.indexrelid FROM c JOIN pg_catalog.pg_index i ON i.indrelid = c.oid),
things AS (
  SELECT 2 AS place, 'the schema tradeguard belongs to the role ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(n.nspowner))
    || ', which is neither this role (' || me.name || '), nor one it is a member of, nor the owner of the database, nor a superuser' AS what,
    'ALTER SCHEMA tradeguard OWNER TO ' || me.name || '; if it is no store of yours: DROP SCHEMA tradeguard CASCADE' AS mend
    FROM n, me WHERE n.nspowner NOT IN (SELECT ours.oid FROM ours)
  UNION ALL
  SELECT 3, CASE WHEN g.grantee = CAST(0 AS oid) THEN 'every role' ELSE 'the role ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END
    || ' has ' || g.privilege || ' on ' || g.thing,
    'REVOKE ' || g.privilege || ' ON ' || g.thing || ' FROM '
    || CASE WHEN g.grantee = CAST(0 AS oid) THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END
    FROM granted g WHERE g.grantee NOT IN (SELECT ours.oid FROM ours)
    AND NOT (g.privilege = 'TRIGGER' AND g.grantee <> CAST(0 AS oid) AND pg_catalog.has_table_privilege(g.grantee, g.relation, 'UPDATE'))
  UNION ALL
  SELECT 4, 'the table ' || c.name || ' belongs to the role ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)),
    'ALTER TABLE ' || c.name || ' OWNER TO ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(n.nspowner))
    FROM c, n WHERE c.relkind IN ('r', 'p') AND c.relowner NOT IN (SELECT ours.oid FROM ours)
  UNION ALL
  SELECT 5, v.word || ' ' || c.name || ' lies in the schema, and tradeguard makes none', 'DROP ' || v.word || ' ' || c.name
    FROM c JOIN (VALUES ('v', 'VIEW'), ('m', 'MATERIALIZED VIEW'), ('f', 'FOREIGN TABLE'), ('c', 'TYPE'), ('p', 'TABLE')) AS v (kind, word)
    ON CAST(c.relkind AS text) = v.kind
  UNION ALL
  SELECT 6, 'the trigger ' || pg_catalog.quote_ident(t.tgname) || ' is on ' || c.name,
    'DROP TRIGGER ' || pg_catalog.quote_ident(t.tgname) || ' ON ' || c.name
    FROM c JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT 7, 'the rule ' || pg_catalog.quote_ident(w.rulename) || ' is on ' || c.name,
    'DROP RULE ' || pg_catalog.quote_ident(w.rulename) || ' ON ' || c.name
    FROM c JOIN pg_catalog.pg_rewrite w ON w.ev_class = c.oid WHERE c.relkind IN ('r', 'p')
  UNION ALL
  SELECT 8, 'row security is on for ' || c.name || ', so rows may be hidden from a run',
    'ALTER TABLE ' || c.name || ' DISABLE ROW LEVEL SECURITY' FROM c WHERE c.relrowsecurity
  UNION ALL
  SELECT 9, 'the policy ' || pg_catalog.quote_ident(p.polname) || ' is on ' || c.name,
    'DROP POLICY ' || pg_catalog.quote_ident(p.polname) || ' ON ' || c.name
    FROM c JOIN pg_catalog.pg_policy p ON p.polrelid = c.oid
  UNION ALL
  SELECT 10, 'the function ' || CAST(CAST(p.oid AS regprocedure) AS text) || ' lies in the schema',
    'DROP ROUTINE ' || CAST(CAST(p.oid AS regprocedure) AS text) FROM pg_catalog.pg_proc p JOIN n ON n.oid = p.pronamespace
  UNION ALL
  SELECT 11, 'the operator ' || CAST(CAST(o.oid AS regoperator) AS text) || ' lies in the schema',
    'DROP OPERATOR ' || CAST(CAST(o.oid AS regoperator) AS text) FROM pg_catalog.pg_operator o JOIN n ON n.oid = o.oprnamespace
  UNION ALL
  SELECT 12, 'the type ' || pg_catalog.format_type(t.oid, NULL) || ' lies in the schema',
    'DROP TYPE ' || pg_catalog.format_type(t.oid, NULL) FROM pg_catalog.pg_type t JOIN n ON n.oid = t.typnamespace
    WHERE t.typtype <> 'c' AND t.typelem = CAST(0 AS oid)
  UNION ALL
  SELECT DISTINCT 13, 'a constraint, default or index of ' || e.name || ' calls a function that is not PostgreSQL''s own', e.mend
    FROM expressions e JOIN pg_catalog.pg_depend d ON d.classid = e.classid AND d.objid = e.objid
    WHERE d.refclassid IN (CAST('pg_catalog.pg_proc' AS regclass), CAST('pg_catalog.pg_operator' AS regclass))
))sql";

// The same in short, for every opening: flags and catalogs that are empty in a usual database, so that the
// server plans and reads little. What it suspects, the questions above decide.
constexpr std::string_view suspicion = R"sql(
SELECT CASE WHEN n.oid IS NOT NULL AND (
  NOT (n.nspowner = me.oid OR n.nspowner = (SELECT d.datdba FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
    OR (NOT me.rolsuper AND pg_catalog.pg_has_role(n.nspowner, 'MEMBER'))
    OR coalesce((SELECT o.rolsuper FROM pg_catalog.pg_roles o WHERE o.oid = n.nspowner), false))
  OR EXISTS (SELECT 1 FROM pg_catalog.aclexplode(n.nspacl) a WHERE a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner)
  OR EXISTS (SELECT 1 FROM pg_catalog.pg_class x WHERE x.relnamespace = n.oid AND x.relkind <> 'i'
    AND (x.relkind NOT IN ('r', 'S') OR x.relowner <> n.nspowner OR x.relhastriggers OR x.relhasrules OR x.relrowsecurity
      OR EXISTS (SELECT 1 FROM pg_catalog.aclexplode(x.relacl) a WHERE a.grantee <> x.relowner
        AND (a.privilege_type = 'TRIGGER' OR (a.grantee = CAST(0 AS oid) AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'))))))
  OR EXISTS (SELECT 1 FROM pg_catalog.pg_policy)
  OR EXISTS (SELECT 1 FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid)
  OR EXISTS (SELECT 1 FROM pg_catalog.pg_operator o WHERE o.oprnamespace = n.oid)
  OR EXISTS (SELECT 1 FROM pg_catalog.pg_type t WHERE t.typnamespace = n.oid AND t.typtype <> 'c' AND t.typelem = CAST(0 AS oid))
  OR EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
    WHERE d.refclassid IN (CAST('pg_catalog.pg_proc' AS regclass), CAST('pg_catalog.pg_operator' AS regclass))
    AND d.classid IN (CAST('pg_catalog.pg_constraint' AS regclass), CAST('pg_catalog.pg_attrdef' AS regclass), CAST('pg_catalog.pg_class' AS regclass)))
) THEN CAST('not ' || CAST(me.rolname AS text) AS pg_catalog.int8) END
FROM pg_catalog.pg_roles me LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = 'tradeguard' WHERE me.rolname = current_user)sql";

// A superuser's session runs whatever it runs with every right there is.
constexpr std::string_view and_superuser = R"(
  UNION ALL
  SELECT 1, 'the database role ' || me.name || ' is a superuser, and a run needs no such rights',
    'CREATE ROLE tradeguard_bot LOGIN; GRANT USAGE ON SCHEMA tradeguard TO tradeguard_bot; GRANT SELECT, INSERT, UPDATE, DELETE '
    || 'ON ALL TABLES IN SCHEMA tradeguard TO tradeguard_bot; and let the bot connect as that role' FROM me WHERE me.rolsuper)";

std::string foreign(const std::string& columns, SchemaRoles roles) {
  std::string things{foreign_things};
  if (roles == SchemaRoles::no_superuser) things.insert(things.rfind(')'), and_superuser);
  return things + " SELECT " + columns + " FROM things";
}

std::string missing_columns_sql();
std::vector<SchemaProblem> missing_in(const SqlRows& rows);
std::vector<SchemaProblem> judge_sqlite_schema(const SqlRows& rows, SchemaAge age);
Statement list_sqlite_schema() { return {"SELECT type, name, tbl_name, sql FROM sqlite_master", {}}; }

}  // namespace

std::optional<Error> wrong_count(const Statement& statement, const SqlRows& rows) {
  if (!statement.changes || rows.changed == *statement.changes) return std::nullopt;
  // "INSERT INTO exchange_orders" is enough to know it by.
  constexpr std::size_t enough = 60;
  const auto at =
      statement.sql.find(statement.sql.find("INSERT INTO ") != std::string::npos ? "INSERT INTO " : "UPDATE ");
  const std::string words = at == std::string::npos ? statement.sql : statement.sql.substr(at);
  return Error{Fault::configuration, "IMPOSSIBLE: the database changed " + std::to_string(rows.changed) +
                                         " rows where " + std::to_string(*statement.changes) + " had to be changed (" +
                                         words.substr(0, std::min(enough, words.find(" ("))) +
                                         "): something in it answers for it; `tradeguard doctor` looks for it"};
}

Statement refuse_suspicious_schema(SchemaRoles roles) {
  std::string sql{suspicion};
  if (roles == SchemaRoles::no_superuser) sql.replace(sql.find("CASE WHEN n.oid IS"), 10, "CASE WHEN me.rolsuper OR ");
  return {std::move(sql), {}};
}

Statement refuse_foreign_schema(SchemaRoles roles) {
  // The sentence is no number, so the statement fails where there is one, and whatever stands after it
  // in the pipeline is not carried out.
  return {foreign("CAST(pg_catalog.max(things.what) AS pg_catalog.int8)", roles), {}};
}

std::vector<Statement> make_or_take_schema() {
  return {{"CREATE SCHEMA IF NOT EXISTS tradeguard", {}}, refuse_foreign_schema(SchemaRoles::superuser_too)};
}

Statement ask_missing_columns() { return {missing_columns_sql(), {}}; }
std::vector<SchemaProblem> judge_missing_columns(const SqlRows& answer) { return missing_in(answer); }

Result<std::vector<SchemaProblem>> examine_schema(SqlSession& session, SchemaRoles roles, SchemaAge age) {
  if (session.dialect() == SqlDialect::sqlite) {
    auto listed = session.run(std::array{list_sqlite_schema()});
    if (!listed) return relayed(listed, "looking at the store's schema");
    return judge_sqlite_schema((*listed)[0], age);
  }
  // Whatever the session has on its path, the question is asked with pg_catalog alone.
  const std::array questions{
      Statement{"BEGIN", {}}, Statement{"SELECT pg_catalog.set_config('search_path', 'pg_catalog,pg_temp', true)", {}},
      Statement{foreign("things.what, things.mend", roles) + " ORDER BY things.place, things.what", {}},
      ask_missing_columns(), Statement{"COMMIT", {}}};
  auto asked = session.run(questions);
  if (!asked) return relayed(asked, "looking at the store's schema");
  std::vector<SchemaProblem> problems;
  for (const SqlRow& row : (*asked)[2].rows) {
    SchemaProblem problem;
    if (!read(row[0], problem.what) || !read(row[1], problem.mend))
      return failed(Fault::configuration, "the store's schema cannot be looked at");
    // A name may hold anything, and what is said of it is one line.
    for (std::string* text : {&problem.what, &problem.mend}) std::ranges::replace_if(*text, is_control, '?');
    problems.push_back(std::move(problem));
  }
  if (age == SchemaAge::current)
    for (SchemaProblem& problem : missing_in((*asked)[3])) problems.push_back(std::move(problem));
  return problems;
}

Error schema_refused(const std::vector<SchemaProblem>& problems) {
  constexpr std::size_t in_full = 3;
  constexpr std::size_t longest_mend = 260;
  std::string what = "the store's schema is not as `init` makes it, and nothing was done: ";
  for (std::size_t i = 0; i < problems.size() && i < in_full; ++i) {
    what += (i == 0 ? "" : "; ") + problems[i].what;
    if (problems[i].mend.size() <= longest_mend) what += " (" + problems[i].mend + ")";
  }
  if (problems.size() > in_full) what += "; and " + std::to_string(problems.size() - in_full) + " more";
  return {Fault::configuration, what + ". `tradeguard doctor` shows what mends it"};
}

namespace {

// ---- Definitions -------------------------------------------------------------------------------

// Blanks in a row are one; what stands in quotes stays.
std::string with_single_blanks(std::string_view sql) {
  std::string out;
  char quote = '\0';
  for (const char c : sql) {
    const bool blank = quote == '\0' && (c == ' ' || c == '\n' || c == '\t' || c == '\r');
    if (blank && (out.empty() || out.back() == ' ')) continue;
    if (quote == '\0' && (c == '\'' || c == '"'))
      quote = c;
    else if (c == quote)
      quote = '\0';
    out += blank ? ' ' : c;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// "CREATE TABLE name (item, item, ...)", and nothing after it.
std::optional<TableDefinition> table_in(const std::string& sql) {
  constexpr std::string_view head = "CREATE TABLE ";
  const std::string text = with_single_blanks(sql);
  const auto open = text.find('(');
  if (!text.starts_with(head) || open == std::string::npos) return std::nullopt;
  TableDefinition table;
  table.name = with_single_blanks(std::string_view{text}.substr(head.size(), open - head.size()));
  int depth = 0;
  char quote = '\0';
  std::size_t from = open + 1;
  for (std::size_t at = open; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != '\0' || c == '\'' || c == '"') {
      quote = quote == '\0' ? c : c == quote ? '\0' : quote;
      continue;
    }
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (depth > 1 || (depth == 1 && c != ',')) continue;
    table.items.push_back(with_single_blanks(std::string_view{text}.substr(from, at - from)));
    from = at + 1;
    if (depth == 0) return at + 1 == text.size() ? std::optional{std::move(table)} : std::nullopt;
  }
  return std::nullopt;
}

bool is_column(const std::string& item) {
  return !item.starts_with("PRIMARY KEY") && !item.starts_with("CHECK ") && !item.starts_with("UNIQUE");
}

std::vector<std::string> definitions_of_both() {
  std::vector<std::string> all = store_definitions();
  for (std::string& more : paper_definitions()) all.push_back(std::move(more));
  return all;
}

// Of the paper book, which a store need not have.
bool is_paper(std::string_view table) { return table.starts_with("paper_"); }

// ---- PostgreSQL: what is not there -------------------------------------------------------------

// The columns there are, a row for each table: "venue:25 account:25 ...", with the types' numbers.
std::string missing_columns_sql() {
  return "SELECT CAST(c.relname AS text), pg_catalog.string_agg(CAST(a.attname AS text) || ':' || "
         "CAST(CAST(a.atttypid AS bigint) AS text), ' ') FROM pg_catalog.pg_class c "
         "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid "
         "WHERE c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'tradeguard') "
         "AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped GROUP BY c.relname";
}

// The statements that make the table and its indexes.
std::string making(const std::string& table) {
  std::string sql;
  for (const std::string& definition : definitions_of_both()) {
    const auto made = table_in(definition);
    if ((made && made->name == table) || definition.find(" ON " + table + " ") != std::string::npos)
      sql += (sql.empty() ? "SET search_path = pg_catalog, tradeguard; " : "; ") +
             in_our_schema(definition, SqlDialect::postgres);
  }
  return sql;
}

std::vector<SchemaProblem> missing_in(const SqlRows& rows) {
  std::map<std::string, std::set<std::string>> there;
  for (const SqlRow& row : rows.rows) {
    std::string table;
    std::string columns;
    if (row.size() != 2 || !read(row[0], table) || !read(row[1], columns)) continue;
    auto& of_table = there[table];
    for (std::size_t from = 0, to = 0; to != std::string::npos; from = to + 1) {
      to = columns.find(' ', from);
      of_table.insert(columns.substr(from, to == std::string::npos ? to : to - from));
    }
  }
  std::vector<SchemaProblem> problems;
  if (there.empty()) return problems;
  const bool has_book = std::ranges::any_of(there, [](const auto& table) { return is_paper(table.first); });
  for (const std::string& definition : definitions_of_both()) {
    const auto table = table_in(definition);
    if (!table || (is_paper(table->name) && !has_book)) continue;
    const auto found = there.find(table->name);
    if (found == there.end()) {
      problems.push_back({"the table tradeguard." + table->name + " is not there",
                          "restore it from a backup; an empty one has forgotten what it held: " + making(table->name)});
      continue;
    }
    for (const std::string& item : table->items) {
      if (!is_column(item)) continue;
      const std::string column = item.substr(0, item.find(' '));
      constexpr std::string_view bigint = ":20";
      constexpr std::string_view text = ":25";
      const bool is_number = item.substr(column.size() + 1).starts_with("BIGINT");
      if (found->second.contains(column + std::string{is_number ? bigint : text})) continue;
      problems.push_back(
          {"the column " + column + " of tradeguard." + table->name + " is not there, or has another type",
           "ALTER TABLE tradeguard." + table->name + " ADD COLUMN " + item});
    }
  }
  return problems;
}

// ---- SQLite ------------------------------------------------------------------------------------

std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? std::string{"\"\""} : std::string(1, c);
  return out + "\"";
}

// Names come from whoever wrote the file.
std::string in_short(const std::string& name) {
  constexpr std::size_t longest = 60;
  std::string shown = name.substr(0, longest);
  std::ranges::replace_if(shown, is_control, '?');
  return shown + (name.size() > longest ? "..." : "");
}

std::string index_name(std::string_view definition) {
  constexpr std::string_view head = "CREATE INDEX ";
  return std::string{definition.substr(head.size(), definition.find(' ', head.size()) - head.size())};
}

std::vector<SchemaProblem> judge_sqlite_schema(const SqlRows& rows, SchemaAge age) {
  std::map<std::string, std::set<std::string>> tables;
  std::map<std::string, std::string> indexes;
  for (const std::string& definition : definitions_of_both()) {
    if (auto table = table_in(definition)) {
      tables[table->name] = {table->items.begin(), table->items.end()};
      continue;
    }
    indexes[index_name(definition)] = with_single_blanks(definition);
  }
  if (age == SchemaAge::older)
    for (const std::string& definition : older_definitions()) {
      if (const auto table = table_in(definition))
        tables[table->name].insert(table->items.begin(), table->items.end());
      else
        indexes[index_name(definition)] = with_single_blanks(definition);
    }
  // SQLite's own: ANALYZE makes them, and they are read as numbers about indexes.
  const std::map<std::string, std::string> statistics{
      {"sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"},
      {"sqlite_stat4", "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)"}};

  std::vector<SchemaProblem> problems;
  std::set<std::string> found;
  for (const SqlRow& row : rows.rows) {
    std::string type;
    std::string name;
    std::string of;
    std::string sql;
    if (row.size() != 4 || !read(row[0], type) || !read(row[1], name) || !read(row[2], of)) {
      problems.push_back({"its list of tables has an entry that is none", "put back a backup"});
      continue;
    }
    const bool has_sql = read(row[3], sql);
    const std::string thing = "the " + in_short(type) + " " + in_short(name);
    std::string kind = type;
    std::ranges::transform(kind, kind.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    const std::string drop = "DROP " + in_short(kind) + " " + quoted(in_short(name));
    if (type == "table") {
      const auto expected = tables.find(name);
      const auto statistic = statistics.find(name);
      if (statistic != statistics.end() && sql == statistic->second) continue;
      if (expected == tables.end()) {
        problems.push_back({thing + " is in the file, and tradeguard makes none of that name", drop});
        continue;
      }
      found.insert(name);
      const auto is = table_in(sql);
      const std::set<std::string> items =
          is ? std::set<std::string>{is->items.begin(), is->items.end()} : std::set<std::string>{};
      const bool all_known =
          is && is->name == name && items.size() == is->items.size() && std::ranges::includes(expected->second, items);
      if (!all_known || (age == SchemaAge::current && items != expected->second))
        problems.push_back({thing + " is not defined as `init` defines it", "put back a backup"});
      continue;
    }
    if (type == "index") {
      if (!has_sql && name.starts_with("sqlite_autoindex_") && tables.contains(of)) continue;
      const auto expected = indexes.find(name);
      if (expected == indexes.end())
        problems.push_back({thing + " is in the file, and tradeguard makes none of that name", drop});
      else if (with_single_blanks(sql) != expected->second)
        problems.push_back({thing + " is not defined as `init` defines it", drop + "; " + expected->second});
      found.insert(name);
      continue;
    }
    problems.push_back(
        {thing + (type == "trigger" ? " on " + in_short(of) : "") + " is in the file, and tradeguard makes none",
         drop});
  }
  if (age != SchemaAge::current) return problems;
  const bool has_book = std::ranges::any_of(found, is_paper);
  for (const auto& [table, items] : tables)
    if (!found.contains(table) && (has_book || !is_paper(table)))
      problems.push_back({"the table " + table + " is not there", "put back a backup"});
  for (const auto& [index, definition] : indexes)
    if (!found.contains(index) && (has_book || !is_paper(index)))
      problems.push_back({"the index " + index + " is not there", definition});
  return problems;
}

}  // namespace
}  // namespace tradeguard
