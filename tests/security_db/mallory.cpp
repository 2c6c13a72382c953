#include "mallory.hpp"

#include <stdexcept>

namespace tradeguard::security_db {

using support::PlainConnection;

Mallory::Mallory(const support::ScratchDatabase& database) : database_{database}, name_{"mallory_" + database.name()} {
  as_superuser("CREATE ROLE " + name_ + " LOGIN");
}

Mallory::~Mallory() {
  try {
    as_superuser("DROP OWNED BY " + name_ + " CASCADE");
    as_superuser("DROP ROLE " + name_);
  } catch (const std::exception&) {
    // The server goes with the test run.
  }
}

std::string Mallory::url() const { return support::test_server({.database = database_.name(), .user = name_}); }

void Mallory::run(const std::string& sql) const { PlainConnection{url()}.ask(sql); }

void Mallory::as_superuser(const std::string& sql) const { PlainConnection{database_.superuser_url()}.ask(sql); }

void Mallory::make_spy() const {
  as_superuser("CREATE SCHEMA mallory AUTHORIZATION " + name_);
  run("CREATE TABLE mallory.ran (who text)");
  run("GRANT USAGE ON SCHEMA mallory TO PUBLIC");
  run("GRANT INSERT ON mallory.ran TO PUBLIC");
  run("CREATE FUNCTION mallory.spy() RETURNS text LANGUAGE plpgsql AS "
      "'BEGIN INSERT INTO mallory.ran VALUES (current_user); RETURN ''3''; END'");
  run("CREATE FUNCTION mallory.spy_on_rows() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN PERFORM mallory.spy(); RETURN NEW; END'");
}

std::string Mallory::spied_on() const {
  return PlainConnection{database_.superuser_url()}.ask("SELECT coalesce(min(who), '') FROM mallory.ran");
}

}  // namespace tradeguard::security_db
