// A second role of the server that may connect to a store's database and nothing more, and wants more.
#pragma once

#include <string>

#include "scratch_database.hpp"

namespace tradeguard::security_db {

class Mallory {
 public:
  explicit Mallory(const support::ScratchDatabase& database);
  ~Mallory();
  Mallory(const Mallory&) = delete;
  Mallory& operator=(const Mallory&) = delete;

  const std::string& name() const { return name_; }
  std::string url() const;
  void run(const std::string& sql) const;           // as her
  void as_superuser(const std::string& sql) const;  // what a careless owner does for her

  // A function of hers, in her own schema, that writes down who runs it. "" so far: nobody did.
  void make_spy() const;
  std::string spied_on() const;

 private:
  const support::ScratchDatabase& database_;
  std::string name_;
};

}  // namespace tradeguard::security_db
