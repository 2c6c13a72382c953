// Paper books in databases: a file that goes with the test, or an account of its own on the test
// server.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "paper_venues.hpp"
#include "tradeguard/paper_sql_book.hpp"
#include "tradeguard/sql_session.hpp"

namespace tradeguard::contract {

// A database with a paper book, and any number of sessions on it.
class PaperDatabase {
 public:
  virtual ~PaperDatabase() = default;
  virtual std::unique_ptr<SqlSession> connect() = 0;
  virtual const AccountKey& account() const = 0;
};
struct DatabaseKind {
  std::string name;
  std::function<std::unique_ptr<PaperDatabase>()> fresh;
};
const std::vector<DatabaseKind>& databases();

// An empty database without a book.
std::unique_ptr<PaperDatabase> bare_sqlite();

class SqlBook final : public BookUnderTest {
 public:
  explicit SqlBook(std::unique_ptr<PaperDatabase> database) : database_{std::move(database)} {}
  std::unique_ptr<PaperBook> open() override;

 private:
  std::unique_ptr<PaperDatabase> database_;
};

}  // namespace tradeguard::contract
