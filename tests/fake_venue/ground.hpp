// What the three fake APIs stand on: settings that a test may change while they run, what was
// counted, and the shape of an API.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "faults.hpp"
#include "web.hpp"

namespace tradeguard::fake {

// Keys without a credential in them: who speaks to a fake needs no secret.
inline constexpr std::string_view api_key = "fake-venue-hmac-key";
inline constexpr std::string_view api_secret = "fake-venue-secret";
inline constexpr std::string_view ed25519_api_key = "fake-venue-ed25519-key";
inline constexpr std::string_view bot_token = "123456789:fake-venue-token";
inline constexpr std::string_view chat_id = "4242";

class Settings {
 public:
  Settings() : values_{defaults()} {}
  // What there is to set, and what it is unless set.
  static const std::map<std::string, std::string>& defaults();
  bool set(const std::string& name, const std::string& value);  // false: there is no such setting
  const std::string& text(const std::string& name) const { return values_.at(name); }
  std::int64_t number(const std::string& name) const { return std::stoll(text(name)); }
  bool on(const std::string& name) const { return number(name) != 0; }
  void reset() { values_ = defaults(); }

 private:
  std::map<std::string, std::string> values_;
};

// At most `limit` of weight in any span of this length.
class Window {
 public:
  Window(std::int64_t limit, Micros span) : limit_{limit}, span_{span} {}
  // Counts, and says whether this was too much.
  bool over(Micros now, std::int64_t weight = 1);
  std::int64_t used(Micros now);
  void take_back(std::int64_t weight);  // of what was counted last

 private:
  std::int64_t limit_;
  Micros span_;
  std::deque<std::pair<Micros, std::int64_t>> seen_;
  std::int64_t used_ = 0;
};

struct Stats {
  std::map<std::string, std::int64_t> requests;  // by endpoint
  std::map<std::string, std::int64_t> codes;     // errors answered, "306", "-2010", "HTTP 503"
  std::map<std::string, std::int64_t> over;      // requests beyond a rate limit, enforced or not
  std::int64_t connections = 0;
  std::int64_t open_connections = 0;
  std::int64_t in_flight = 0;
  std::int64_t max_in_flight = 0;
  std::int64_t bad_signatures = 0;
};

struct Ground {
  Settings& settings;
  Stats& stats;
};

// A fake API. `fault` is what is to go wrong with this request, nullptr when nothing is.
class Front {
 public:
  virtual ~Front() = default;
  virtual std::string endpoint(const Request& request) const = 0;
  // Client ids of the orders that the request speaks of.
  virtual std::vector<std::string> clients(const Request& request) = 0;
  virtual Reply answer(const Request& request, const Fault* fault, Instant now) = 0;
  virtual void forget() {}
};

}  // namespace tradeguard::fake
