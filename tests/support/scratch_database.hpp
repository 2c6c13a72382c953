// A database of its own for one test, on the server of scripts/with-postgres; gone when the test
// is.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace tradeguard::support {

// The URL of the test server, as a superuser. Throws when there is none: a test that needs it fails,
// and never skips.
std::string test_server();
// The same server with another database, user, or port in the URL.
struct UrlParts {
  std::string database = {};
  std::string user = {};
  int port = 0;
};
std::string test_server(const UrlParts& other);

// The plain role that owns the tests' databases and opens their stores.
inline constexpr const char* store_role = "tradeguard_test";

class ScratchDatabase {
 public:
  ScratchDatabase();
  ~ScratchDatabase();
  ScratchDatabase(const ScratchDatabase&) = delete;
  ScratchDatabase& operator=(const ScratchDatabase&) = delete;

  const std::string& url() const { return url_; }  // as store_role
  std::string superuser_url() const { return test_server({.database = name_}); }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::string url_;
};

// A plain libpq connection, as psql has one: nothing is pinned. Throws when something fails.
class PlainConnection {
 public:
  explicit PlainConnection(const std::string& url);
  ~PlainConnection();
  PlainConnection(const PlainConnection&) = delete;
  PlainConnection& operator=(const PlainConnection&) = delete;

  // The first cell of the answer, as text; empty for none.
  std::string ask(std::string_view sql);
  int pid() const;

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace tradeguard::support
