// The one source that includes Asio and Beast. Asio waits, Beast reads HTTP, OpenSSL does TLS over
// a BIO of ours: so that it is known to the byte what the kernel took.
//
// Connections and requests meet late: connections are made for the number of requests that need
// one, and the first request in order takes the first that is up. A slow handshake therefore delays
// nobody but the last.
//
// A connection is dialed at one address after the other, and at the next one too when the one before
// it keeps silent for a share of the patience: the first that comes all the way up is the connection.
#include "tradeguard/https_transport.hpp"

#include <netdb.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): POSIX's signals
#include <sys/socket.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "loopback.hpp"
#include "pace.hpp"
#include "request_text.hpp"
#include "tradeguard/secret.hpp"

namespace tradeguard {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

// A paced request whose turn is nearer than this gets its connection made ahead: about as long as a
// handshake with the other side of the world takes.
constexpr auto dial_ahead = 500ms;
constexpr std::size_t bite = 16u << 10;  // the most one TLS record holds

struct Freed {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* tls) const { SSL_free(tls); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
  void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
template <class T>
using Owned = std::unique_ptr<T, Freed>;

struct Connection {
  explicit Connection(asio::io_context& loop) : socket{loop} {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  // Without a goodbye OpenSSL marks the session as not to be resumed.
  ~Connection() {
    if (tls) SSL_set_shutdown(tls.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }

  tcp::socket socket;
  tcp::endpoint address;
  Owned<SSL> tls;  // none: plain http to this machine
  boost::beast::flat_buffer unread;
  bool late = false;           // it was given up
  bool used = false;           // a request was written to it
  std::size_t bytes_sent = 0;  // what the kernel took from us in all
  bool cut = false;            // the peer ended it, perhaps without saying so
  int broken = 0;              // errno
};

// A connection that is being made, at as many addresses as it takes.
struct Dial {
  std::vector<tcp::endpoint> addresses;
  std::size_t tried = 0;
  std::vector<std::shared_ptr<Connection>> attempts;  // that are going on
  Moment next;                                        // when the address behind is tried too
  Moment by;                                          // when it is given up
  bool over = false;                                  // one attempt came up, or nobody waits for any
  std::string why;                                    // of the attempt that came furthest
  int how_far = 0;
  bool more() const { return !over && tried < addresses.size(); }
};

enum class Step { done, wait_to_read, wait_to_write, ended, failed };
struct Moved {
  Step step;
  std::size_t bytes = 0;
};
// Without waiting; TLS or plain alike.
Moved write_some(Connection& connection, std::string_view text);
Moved read_some(Connection& connection, char* into, std::size_t room);
bool still_open(Connection& connection);
asio::awaitable<bool> ready(Connection& connection, Step step);
asio::awaitable<bool> write_all(Connection& connection, std::string_view text);
std::string why_lost(const Connection& connection);

struct Received {
  HttpResponse response;
  bool keep = false;  // the connection may carry another request
};
asio::awaitable<tl::expected<Received, std::string>> read_answer(Connection& connection, const HttpsSettings& settings,
                                                                 bool without_body);

std::string size_text(std::size_t bytes);
std::string spoken(std::string text);

Owned<BIO_METHOD> counting_socket();
Owned<SSL_CTX> tls_context(const HttpsSettings& settings, std::string& trouble);
std::string handshake_trouble(const Connection& connection);

struct Flight {
  enum class Stage { waiting, turned, flying, landed };
  const HttpRequest* request;
  Pace* pace;
  Stage stage = Stage::waiting;
  Moment by;  // patience ends
  std::shared_ptr<Connection> connection;
  HttpResult result = tl::unexpected<HttpFailure>{HttpFailure{false, ""}};
};

// The connections to the host, and the flights of the exchange that is going on.
class Lines {
 public:
  Lines(const HttpsSettings& settings, Clock& clock);
  ~Lines();
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  std::vector<HttpResult> exchange(std::vector<Flight> flights, Micros patience);

 private:
  // Looks at everything, starts what can be started, and sets the alarm for what comes next. All
  // that happens ends in a call of it, from the loop and never from within.
  void look();
  void look_soon();
  void give_up_the_late(Moment now);
  void grant_turns(Moment now);
  void take_off();
  void dial_what_is_needed(Moment now);
  void try_next_addresses(Moment now);
  void try_next(const std::shared_ptr<Dial>& dial, Moment now);
  static void give_up(Dial& dial);
  void prefer(const tcp::endpoint& address);
  void prefer_others(const tcp::endpoint& address);
  void hang_up();
  Moment next_look(Moment now);

  struct Raised {
    std::string why;  // empty: it is up
    int how_far = 0;  // 0: no connection, 1: connected, 2: the certificate did not please
  };
  asio::awaitable<void> attempt(std::shared_ptr<Dial> dial, std::shared_ptr<Connection> connection);
  asio::awaitable<Raised> come_up(Connection& connection);
  asio::awaitable<std::string> ask_proxy(Connection& connection);
  asio::awaitable<void> fly(std::shared_ptr<Connection> connection, Flight& flight);
  void land(Flight& flight, HttpResult result);
  void not_connected(const std::string& why);
  template <class T>
  void start(asio::awaitable<T> coroutine);

  void look_up();
  void looked_up(int trouble, std::vector<tcp::endpoint> addresses);
  Owned<SSL> tls_for(Connection& connection);
  static int remember_session(SSL* tls, SSL_SESSION* session);

  std::size_t count(Flight::Stage stage) const;
  // Requests that hold a connection or have the right to one.
  std::size_t in_hand() const { return count(Flight::Stage::turned) + count(Flight::Stage::flying); }

  const HttpsSettings& settings_;
  Clock& clock_;
  std::string way_;  // who is connected to: the host, or the proxy before it
  std::uint16_t port_;

  // A name is looked up on a thread of its own, because nothing can interrupt that. It outlives
  // us if it must, and then finds nobody to tell.
  struct Mailbox {
    std::mutex mutex;
    Lines* reader = nullptr;
  };
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  bool looking_up_ = false;
  bool literal_ = false;  // the host is an address: no name, no SNI
  std::vector<tcp::endpoint> addresses_;

  Owned<BIO_METHOD> method_;
  std::string context_trouble_;
  Owned<SSL_CTX> context_;
  Owned<SSL_SESSION> session_;  // the newest; the next handshake is shorter with it

  asio::io_context loop_{1};
  asio::steady_timer alarm_{loop_};
  Moment alarm_at_ = Moment::max();  // not set
  bool look_posted_ = false;
  std::vector<Flight> flights_;
  Moment began_;
  Micros patience_{};
  bool may_dial_ahead_ = true;
  std::vector<std::shared_ptr<Connection>> idle_;
  std::vector<std::shared_ptr<Dial>> dialing_;
};

}  // namespace

class HttpsTransport::Wire {
 public:
  Wire(HttpsSettings settings, Clock& clock) : settings_{std::move(settings)}, clock_{clock} {
    for (const RateLimit& limit : settings_.limits) paces_.emplace(limit.name, Pace{limit});
    // Only a tunnel keeps a secret from a proxy.
    if (!settings_.base.tls) settings_.proxy.reset();
  }
  std::vector<HttpResult> exchange(std::span<const HttpRequest> requests, Micros patience);

 private:
  Pace* pace_of(const HttpRequest& request);

  HttpsSettings settings_;
  Clock& clock_;
  std::map<std::string, Pace> paces_;
  std::unique_ptr<Lines> lines_;  // made by the first exchange
};

HttpsTransport::HttpsTransport(HttpsSettings settings, Clock& clock)
    : wire_{std::make_unique<Wire>(std::move(settings), clock)} {}
HttpsTransport::~HttpsTransport() = default;

std::vector<HttpResult> HttpsTransport::exchange(std::span<const HttpRequest> requests, Micros patience) {
  return wire_->exchange(requests, patience);
}

std::vector<HttpResult> HttpsTransport::Wire::exchange(std::span<const HttpRequest> requests, Micros patience) {
  std::vector<Flight> flights;
  flights.reserve(requests.size());
  for (const HttpRequest& request : requests) flights.push_back(Flight{.request = &request, .pace = pace_of(request)});
  if (flights.empty()) return {};

  if (!lines_) lines_ = std::make_unique<Lines>(settings_, clock_);
  try {
    return lines_->exchange(std::move(flights), patience);
  } catch (...) {
    lines_.reset();  // what is half done points at flights that are no more
    throw;
  }
}

Pace* HttpsTransport::Wire::pace_of(const HttpRequest& request) {
  if (request.limit.empty()) return nullptr;
  const auto at = paces_.find(request.limit);
  if (at == paces_.end()) throw std::logic_error{"a request counts against an unknown rate limit: " + request.limit};
  if (request.weight < 0 || request.weight > at->second.weight())
    throw std::logic_error{"a request weighs more than its rate limit holds: " + request.limit};
  return &at->second;
}

namespace {

Lines::Lines(const HttpsSettings& settings, Clock& clock)
    : settings_{settings},
      clock_{clock},
      way_{settings.proxy ? settings.proxy->host : settings.base.host},
      port_{static_cast<std::uint16_t>(std::stoul(settings.proxy ? settings.proxy->port : settings.base.port))} {
  mailbox_->reader = this;
  error_code not_an_address;
  asio::ip::make_address(settings.base.host, not_an_address);
  literal_ = !not_an_address;
  const asio::ip::address address = asio::ip::make_address(way_, not_an_address);
  if (!not_an_address) addresses_.emplace_back(address, port_);
  if (!settings.base.tls) return;
  method_ = counting_socket();
  context_ = tls_context(settings, context_trouble_);
  if (!context_) return;
  SSL_CTX_set_app_data(context_.get(), this);
  SSL_CTX_sess_set_new_cb(context_.get(), remember_session);
}

Lines::~Lines() {
  const std::lock_guard lock{mailbox_->mutex};
  mailbox_->reader = nullptr;
}

std::vector<HttpResult> Lines::exchange(std::vector<Flight> flights, Micros patience) {
  flights_ = std::move(flights);
  patience_ = patience;
  began_ = Steady::now();
  may_dial_ahead_ = true;
  for (Flight& flight : flights_)
    if (!well_formed(*flight.request))
      land(flight, tl::unexpected<HttpFailure>{
                       HttpFailure{false, "the request holds a control character or a blank in its head"}});

  look_soon();
  loop_.restart();
  loop_.run();

  std::vector<HttpResult> results;
  results.reserve(flights_.size());
  for (Flight& flight : flights_) results.push_back(std::move(flight.result));
  flights_.clear();
  return results;
}

void Lines::look_soon() {
  if (std::exchange(look_posted_, true)) return;
  asio::post(loop_, [this] {
    look_posted_ = false;
    look();
  });
}

void Lines::look() {
  const Moment now = Steady::now();
  give_up_the_late(now);
  grant_turns(now);
  take_off();
  dial_what_is_needed(now);
  try_next_addresses(now);
  if (count(Flight::Stage::landed) == flights_.size()) return hang_up();
  const Moment next = next_look(now);
  if (next == alarm_at_) return;
  alarm_at_ = next;
  alarm_.expires_at(next);
  alarm_.async_wait([this](error_code stopped) {
    if (stopped) return;
    alarm_at_ = Moment::max();
    look_soon();
  });
}

void Lines::give_up_the_late(Moment now) {
  const auto unsent = [&](Flight& flight, std::string why) {
    land(flight, tl::unexpected<HttpFailure>{HttpFailure{false, std::move(why)}});
  };
  for (Flight& flight : flights_) {
    switch (flight.stage) {
      case Flight::Stage::waiting:
        if (now >= began_ + settings_.longest_turn)
          unsent(flight, "no turn within " + duration_text(settings_.longest_turn));
        break;
      case Flight::Stage::turned:
        if (now < flight.by) break;
        if (flight.pace != nullptr) flight.pace->take_back(flight.request->weight);
        unsent(flight,
               (looking_up_ ? "host name not resolved within " : "not connected within ") + duration_text(patience_));
        break;
      case Flight::Stage::flying:
        // Its coroutine wakes up to a closed socket and lands it.
        if (now >= flight.by && !flight.connection->late) {
          flight.connection->late = true;
          error_code ignored;
          flight.connection->socket.close(ignored);
        }
        break;
      case Flight::Stage::landed:
        break;
    }
  }
  for (const auto& dial : dialing_)
    if (now >= dial->by) give_up(*dial);
}

// In order, and nobody overtakes under the same limit: a light request does not slip past a heavy
// one that waits.
void Lines::grant_turns(Moment now) {
  std::vector<const Pace*> full;
  std::size_t in_hand_now = in_hand();
  for (Flight& flight : flights_) {
    if (in_hand_now >= std::max<std::size_t>(settings_.connections, 1)) return;
    if (flight.stage != Flight::Stage::waiting) continue;
    if (flight.pace != nullptr) {
      if (std::find(full.begin(), full.end(), flight.pace) != full.end()) continue;
      const auto room = flight.pace->room_at(now, flight.request->weight);
      if (!room || *room > now) {
        full.push_back(flight.pace);
        continue;
      }
      flight.pace->promise(flight.request->weight);
    }
    flight.stage = Flight::Stage::turned;
    flight.by = now + patience_;
    ++in_hand_now;
  }
}

void Lines::take_off() {
  for (Flight& flight : flights_) {
    // Nothing was written yet, so another connection instead of a used one that died is no second
    // attempt. One that died unused is a connection that was not made: else a host that hangs up
    // at once would be called until patience ends.
    while (!idle_.empty() && !still_open(*idle_.back())) {
      const bool used = idle_.back()->used;
      idle_.pop_back();
      if (!used) not_connected("not connected: closed before it was used");
    }
    if (flight.stage != Flight::Stage::turned) continue;
    if (idle_.empty()) return;
    flight.connection = std::move(idle_.back());
    idle_.pop_back();
    flight.stage = Flight::Stage::flying;
    flight.connection->used = true;
    start(fly(flight.connection, flight));
  }
}

void Lines::dial_what_is_needed(Moment now) {
  std::size_t wanted = count(Flight::Stage::turned);
  if (may_dial_ahead_) {
    std::map<Pace*, int> ahead;
    for (Flight& flight : flights_) {
      if (flight.stage != Flight::Stage::waiting || flight.pace == nullptr) continue;
      int& room = ahead.try_emplace(flight.pace, flight.pace->near(dial_ahead)).first->second;
      room -= flight.request->weight;
      if (room >= 0) ++wanted;
    }
  }
  const std::size_t made = idle_.size() + dialing_.size();
  const std::size_t open = made + count(Flight::Stage::flying);
  const std::size_t most = std::max<std::size_t>(settings_.connections, 1);
  if (wanted <= made || open >= most) return;

  if (addresses_.empty()) return look_up();
  for (std::size_t n = std::min(wanted - made, most - open); n > 0; --n) {
    auto dial = std::make_shared<Dial>();
    dial->addresses = addresses_;
    dial->by = now + patience_;
    dialing_.push_back(dial);
    try_next(dial, now);
  }
}

void Lines::try_next_addresses(Moment now) {
  for (const auto& dial : dialing_)
    if (dial->more() && now >= dial->next) try_next(dial, now);
}

void Lines::try_next(const std::shared_ptr<Dial>& dial, Moment now) {
  // All of them within the patience, with time left for the last; long enough for a handshake with
  // the other side of the world, which is not given up by it.
  constexpr Micros longest_share = 1s;
  const auto shares = static_cast<std::int64_t>(dial->addresses.size()) + 2;
  auto connection = std::make_shared<Connection>(loop_);
  connection->address = dial->addresses[dial->tried++];
  dial->next = now + std::min<Micros>(patience_ / shares, longest_share);
  dial->attempts.push_back(connection);
  start(attempt(dial, std::move(connection)));
}

// Its attempts wake up to a closed socket.
void Lines::give_up(Dial& dial) {
  dial.over = true;
  error_code ignored;
  for (const auto& connection : dial.attempts) {
    connection->late = true;
    connection->socket.close(ignored);
  }
}

// The address that answered is the first to be tried from now on, the one that did not the last.
void Lines::prefer(const tcp::endpoint& address) {
  std::stable_partition(addresses_.begin(), addresses_.end(), [&](const tcp::endpoint& one) { return one == address; });
}
void Lines::prefer_others(const tcp::endpoint& address) {
  std::stable_partition(addresses_.begin(), addresses_.end(), [&](const tcp::endpoint& one) { return one != address; });
}

// Everything is answered: what is still being connected is for nobody.
void Lines::hang_up() {
  alarm_.cancel();
  alarm_at_ = Moment::max();
  may_dial_ahead_ = false;
  for (const auto& dial : dialing_) give_up(*dial);
}

Moment Lines::next_look(Moment now) {
  Moment next = Moment::max();
  std::vector<const Pace*> seen;
  for (const Flight& flight : flights_) {
    switch (flight.stage) {
      case Flight::Stage::waiting:
        next = std::min(next, began_ + settings_.longest_turn);
        if (flight.pace == nullptr || std::find(seen.begin(), seen.end(), flight.pace) != seen.end()) break;
        seen.push_back(flight.pace);
        if (const auto room = flight.pace->room_at(now, flight.request->weight))
          if (*room > now) next = std::min(next, *room);
        break;
      case Flight::Stage::turned:
        next = std::min(next, flight.by);
        break;
      case Flight::Stage::flying:
        if (!flight.connection->late) next = std::min(next, flight.by);
        break;
      case Flight::Stage::landed:
        break;
    }
  }
  for (const auto& dial : dialing_) {
    if (!dial->over) next = std::min(next, dial->by);
    if (dial->more()) next = std::min(next, dial->next);
  }
  return next;
}

template <class T>
void Lines::start(asio::awaitable<T> coroutine) {
  asio::co_spawn(loop_, std::move(coroutine), [](const std::exception_ptr& thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
}

asio::awaitable<void> Lines::attempt(std::shared_ptr<Dial> dial, std::shared_ptr<Connection> connection) {
  const Raised raised = co_await come_up(*connection);
  std::erase(dial->attempts, connection);
  const bool known = std::find(dialing_.begin(), dialing_.end(), dial) != dialing_.end();
  if (raised.why.empty() && !dial->over) {
    give_up(*dial);  // the other attempts: this one is faster
    std::erase(dialing_, dial);
    prefer(connection->address);
    idle_.push_back(std::move(connection));
  } else {
    const std::string why = raised.why.empty() ? "not connected within " + duration_text(patience_) : raised.why;
    if (dial->why.empty() || raised.how_far >= dial->how_far) {
      dial->why = why;
      dial->how_far = raised.how_far;
    }
    if (known && dial->more()) {
      try_next(dial, Steady::now());
    } else if (known && dial->attempts.empty()) {
      dial->over = true;
      std::erase(dialing_, dial);
      not_connected(dial->why);
    }
  }
  look_soon();
}

asio::awaitable<Lines::Raised> Lines::come_up(Connection& connection) {
  if (settings_.base.tls && !context_) co_return Raised{context_trouble_, 2};
  const Raised late{"not connected within " + duration_text(patience_), 0};
  error_code failed_to;
  connection.socket.open(connection.address.protocol(), failed_to);
  if (!failed_to)
    co_await connection.socket.async_connect(connection.address, asio::redirect_error(asio::use_awaitable, failed_to));
  if (connection.late) co_return late;
  if (failed_to) co_return Raised{"not connected: " + spoken(failed_to.message()), 0};

  connection.socket.set_option(tcp::no_delay{true}, failed_to);
  connection.socket.non_blocking(true, failed_to);
  if (!settings_.base.tls) {
    // After the connection is up: whom it reached has listened by then.
    const auto objection = settings_.insecure_loopback
                               ? std::nullopt
                               : loopback_objection(connection.address.address().to_string(), port_);
    if (objection) co_return Raised{"not connected: port " + settings_.base.port + " " + *objection, 2};
    co_return Raised{};
  }
  if (settings_.proxy) {
    const std::string why = co_await ask_proxy(connection);
    if (connection.late) co_return late;
    if (!why.empty()) co_return Raised{why, 1};
  }

  connection.tls = tls_for(connection);
  if (!connection.tls) co_return Raised{"not connected: TLS cannot be set up", 1};
  for (;;) {
    ERR_clear_error();
    const int outcome = SSL_connect(connection.tls.get());
    if (outcome == 1) co_return Raised{};
    const int reason = SSL_get_error(connection.tls.get(), outcome);
    if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) {
      const bool untrusted = SSL_get_verify_result(connection.tls.get()) != X509_V_OK;
      co_return Raised{handshake_trouble(connection), untrusted ? 2 : 1};
    }
    const Step step = reason == SSL_ERROR_WANT_READ ? Step::wait_to_read : Step::wait_to_write;
    const bool go_on = co_await ready(connection, step);
    if (!go_on) co_return late;
  }
}

// A tunnel to the host; empty: there it is. What the proxy says of a refusal is its status only.
asio::awaitable<std::string> Lines::ask_proxy(Connection& connection) {
  constexpr std::size_t longest_head = 16u << 10;
  const BaseUrl& base = settings_.base;
  const bool brackets = base.host.find(':') != std::string::npos;
  const std::string to = (brackets ? "[" + base.host + "]" : base.host) + ":" + base.port;
  std::string text = "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\nUser-Agent: tradeguard\r\n";
  if (const auto& authorization = settings_.proxy->authorization) {
    text.reserve(text.size() + authorization->reveal().size() + 64);  // one block: it is wiped
    text.append("Proxy-Authorization: Basic ").append(authorization->reveal()).append("\r\n");
  }
  text.append("\r\n");
  const bool whole = co_await write_all(connection, text);
  wipe(text);
  const std::string proxy = "the proxy " + way_ + ":" + settings_.proxy->port;
  const auto lost = [&] {
    return connection.broken != 0
               ? "not connected: " + proxy + ": " + spoken(std::generic_category().message(connection.broken))
               : "not connected: " + proxy + " closed the connection";
  };
  if (!whole) co_return lost();

  // Byte by byte: what stands behind its head is the host's, and TLS reads it.
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    char byte = 0;
    const Moved moved = read_some(connection, &byte, 1);
    if (moved.step == Step::done) {
      head += byte;
      if (head.size() > longest_head) co_return "not connected: " + proxy + " does not speak HTTP";
      continue;
    }
    if (moved.step != Step::wait_to_read) co_return lost();
    const bool go_on = co_await ready(connection, moved.step);
    if (!go_on) co_return lost();
  }
  const bool http = head.starts_with("HTTP/1.") && head.size() > 12;
  const std::string status = http ? head.substr(9, 3) : "";
  if (status.size() == 3 && status[0] == '2') co_return "";
  if (status == "407") co_return "not connected: " + proxy + " wants a user name and password, or others (407)";
  co_return "not connected: " + proxy + (http ? " refused with status " + status : " does not speak HTTP");
}

// A connection that did not come up costs one request. It is the last that has its turn and none to
// hope for: the first in order take those that do come up.
void Lines::not_connected(const std::string& why) {
  if (count(Flight::Stage::turned) <= idle_.size() + dialing_.size()) {
    may_dial_ahead_ = false;  // it was for later; when its turn comes it is tried, once
    return;
  }
  for (auto flight = flights_.rbegin(); flight != flights_.rend(); ++flight) {
    if (flight->stage != Flight::Stage::turned) continue;
    if (flight->pace != nullptr) flight->pace->take_back(flight->request->weight);
    land(*flight, tl::unexpected<HttpFailure>{HttpFailure{false, why}});
    return;
  }
}

asio::awaitable<void> Lines::fly(std::shared_ptr<Connection> connection, Flight& flight) {
  const HttpRequest& request = *flight.request;
  std::string text = request_text(settings_.base, request);
  const std::size_t before = connection->bytes_sent;
  const Instant sent_at = clock_.now();
  const bool whole = co_await write_all(*connection, text);
  wipe(text);  // keys and tokens travel in heads
  const bool sent = connection->bytes_sent > before;
  if (flight.pace != nullptr) {
    flight.pace->take_back(request.weight);
    if (sent) flight.pace->sent(Steady::now(), request.weight);
    look_soon();
  }

  tl::expected<Received, std::string> answer = tl::unexpected<std::string>{why_lost(*connection)};
  if (whole) answer = co_await read_answer(*connection, settings_, request.method == "HEAD");
  // One that lets everybody in and answers nobody is tried last.
  if (!answer && connection->late) prefer_others(connection->address);
  if (answer) {
    constexpr int too_many_requests = 429;
    if (flight.pace != nullptr && answer->response.status == too_many_requests) flight.pace->widen();
    answer->response.sent = sent_at;
    answer->response.answered = clock_.now();
    if (answer->keep) idle_.push_back(connection);
    land(flight, std::move(answer->response));
  } else {
    const std::string why =
        connection->late ? "no answer within " + duration_text(patience_) : std::move(answer.error());
    land(flight, tl::unexpected<HttpFailure>{HttpFailure{sent, why}});
  }
}

void Lines::land(Flight& flight, HttpResult result) {
  flight.result = std::move(result);
  flight.connection.reset();
  flight.stage = Flight::Stage::landed;
  look_soon();
}

std::size_t Lines::count(Flight::Stage stage) const {
  return static_cast<std::size_t>(
      std::count_if(flights_.begin(), flights_.end(), [stage](const Flight& flight) { return flight.stage == stage; }));
}

// ---------------------------------------------------------------------------------------- names

void Lines::look_up() {
  if (std::exchange(looking_up_, true)) return;
  const auto ask = [mailbox = mailbox_, host = way_, port = port_] {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    const int trouble = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    const Owned<addrinfo> list{found};
    std::vector<tcp::endpoint> addresses;
    for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next) {
      tcp::endpoint endpoint;
      if (one->ai_addrlen > endpoint.capacity()) continue;
      endpoint.resize(one->ai_addrlen);
      std::copy_n(reinterpret_cast<const char*>(one->ai_addr), one->ai_addrlen,
                  reinterpret_cast<char*>(endpoint.data()));
      endpoint.port(port);
      addresses.push_back(endpoint);
    }
    const std::lock_guard lock{mailbox->mutex};
    if (mailbox->reader == nullptr) return;
    asio::post(mailbox->reader->loop_, [reader = mailbox->reader, trouble, answer = std::move(addresses)] {
      reader->looked_up(trouble, answer);
    });
  };

  // Signals are for the thread that runs the cycle: it waits to be woken by them.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread{ask}.detach();
  } catch (const std::system_error&) {
    asio::post(loop_, [this] { looked_up(EAI_AGAIN, {}); });
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Lines::looked_up(int trouble, std::vector<tcp::endpoint> addresses) {
  looking_up_ = false;
  addresses_ = std::move(addresses);
  if (addresses_.empty()) {
    const std::string why = (settings_.proxy ? "proxy's host name not resolved: " : "host name not resolved: ") +
                            spoken(::gai_strerror(trouble == 0 ? EAI_NONAME : trouble));
    for (std::size_t n = count(Flight::Stage::turned); n > 0; --n) not_connected(why);
    may_dial_ahead_ = false;
  }
  look_soon();
}

// ------------------------------------------------------------------------------------------ TLS

Owned<SSL> Lines::tls_for(Connection& connection) {
  Owned<SSL> tls{SSL_new(context_.get())};
  BIO* bio = BIO_new(method_.get());
  if (!tls || bio == nullptr) {
    BIO_free(bio);
    return nullptr;
  }
  BIO_set_data(bio, &connection);
  BIO_set_init(bio, 1);
  SSL_set_bio(tls.get(), bio, bio);

  const std::string& host = settings_.base.host;
  X509_VERIFY_PARAM* verify = SSL_get0_param(tls.get());
  // The names a certificate is for are its alternative names (RFC 9110, 4.3.4), not its subject.
  X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  // Called without its macro, which casts in C.
  const auto indicate_name = [&] {
    return SSL_ctrl(tls.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    const_cast<char*>(host.c_str())) == 1;
  };
  const bool named = literal_ ? X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str()) == 1
                              : X509_VERIFY_PARAM_set1_host(verify, host.data(), host.size()) == 1 && indicate_name();
  if (!named) return nullptr;
  if (session_) SSL_set_session(tls.get(), session_.get());
  return tls;
}

int Lines::remember_session(SSL* tls, SSL_SESSION* session) {
  auto* lines = static_cast<Lines*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls)));
  lines->session_.reset(session);
  return 1;  // it is ours now
}

// SSL_CERT_FILE is usually the bundle that the directory holds in pieces: it is read only when an
// issuer is found nowhere else.
int issuer_from_file_too(X509** issuer, X509_STORE_CTX* context, X509* certificate) {
  const int found = X509_STORE_CTX_get1_issuer(issuer, context, certificate);
  const char* file = std::getenv("SSL_CERT_FILE");
  if (found != 0 || file == nullptr) return found;
  X509_STORE* store = X509_STORE_CTX_get0_store(context);
  X509_STORE_set_get_issuer(store, X509_STORE_CTX_get1_issuer);  // once is enough
  X509_STORE_load_file(store, file);
  return X509_STORE_CTX_get1_issuer(issuer, context, certificate);
}

Owned<SSL_CTX> tls_context(const HttpsSettings& settings, std::string& trouble) {
  Owned<SSL_CTX> context{SSL_CTX_new(TLS_client_method())};
  // Forward secrecy: who gets at the host's key one day cannot read what was recorded before.
  // Every suite of TLS 1.3 has it.
  constexpr const char* with_forward_secrecy = "ECDHE+AESGCM:ECDHE+CHACHA20";
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context.get(), with_forward_secrecy) != 1) {
    trouble = "not connected: TLS cannot be set up";
    return nullptr;
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  // Thirty idle connections need no buffers.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  // A read comes back after each record. Else a host that sends session tickets without end would
  // keep us inside OpenSSL, where no patience is looked at.
  SSL_CTX_clear_mode(context.get(), SSL_MODE_AUTO_RETRY);
  if (!settings.ca_only) {
    // The directory is read a certificate at a time, when one is looked for. The bundle is 20 ms.
    const char* directory = std::getenv("SSL_CERT_DIR");
    SSL_CTX_load_verify_dir(context.get(), directory != nullptr ? directory : "/etc/ssl/certs");
    if (std::getenv("SSL_CERT_FILE") != nullptr)
      X509_STORE_set_get_issuer(SSL_CTX_get_cert_store(context.get()), issuer_from_file_too);
  }
  if (!settings.ca_file.empty() && SSL_CTX_load_verify_file(context.get(), settings.ca_file.c_str()) != 1) {
    trouble = "not connected: the CA file cannot be read";
    context.reset();
  }
  ERR_clear_error();
  return context;
}

std::string handshake_trouble(const Connection& connection) {
  const long verdict = SSL_get_verify_result(connection.tls.get());
  if (verdict != X509_V_OK) return "certificate: " + spoken(X509_verify_cert_error_string(verdict));
  if (connection.broken != 0) return "not connected: " + spoken(std::generic_category().message(connection.broken));
  if (connection.cut) return "not connected: closed during the TLS handshake";
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  return std::string{"not connected: TLS handshake: "} + (reason != nullptr ? reason : "refused");
}

// ------------------------------------------------------------------------- bytes to and from the
// kernel

// Both take what the kernel takes, remember why not, and never raise SIGPIPE.
ssize_t to_kernel(Connection& connection, const char* bytes, std::size_t size) {
  const ssize_t taken = ::send(connection.socket.native_handle(), bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (taken > 0) connection.bytes_sent += static_cast<std::size_t>(taken);
  if (taken < 0 && errno != EAGAIN && errno != EINTR) connection.broken = errno;
  return taken;
}
ssize_t from_kernel(Connection& connection, char* bytes, std::size_t size) {
  const ssize_t taken = ::recv(connection.socket.native_handle(), bytes, size, MSG_DONTWAIT);
  if (taken == 0) connection.cut = true;
  if (taken < 0 && errno != EAGAIN && errno != EINTR) connection.broken = errno;
  return taken;
}

int bio_write(BIO* bio, const char* bytes, std::size_t size, std::size_t* written) {
  auto& connection = *static_cast<Connection*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t taken = to_kernel(connection, bytes, size);
  *written = taken > 0 ? static_cast<std::size_t>(taken) : 0;
  if (taken < 0 && connection.broken == 0) BIO_set_retry_write(bio);
  return taken > 0 ? 1 : 0;
}
int bio_read(BIO* bio, char* bytes, std::size_t size, std::size_t* read) {
  auto& connection = *static_cast<Connection*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t taken = from_kernel(connection, bytes, size);
  *read = taken > 0 ? static_cast<std::size_t>(taken) : 0;
  if (taken < 0 && connection.broken == 0) BIO_set_retry_read(bio);
  return taken > 0 ? 1 : 0;
}
long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

Owned<BIO_METHOD> counting_socket() {
  Owned<BIO_METHOD> method{BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket")};
  if (!method) throw std::bad_alloc{};
  BIO_meth_set_write_ex(method.get(), bio_write);
  BIO_meth_set_read_ex(method.get(), bio_read);
  BIO_meth_set_ctrl(method.get(), bio_control);
  return method;
}

Step tls_step(const Connection& connection, int outcome) {
  switch (SSL_get_error(connection.tls.get(), outcome)) {
    case SSL_ERROR_WANT_READ:
      return Step::wait_to_read;
    case SSL_ERROR_WANT_WRITE:
      return Step::wait_to_write;
    case SSL_ERROR_ZERO_RETURN:
      return Step::ended;  // it said goodbye: nothing was cut off
    default:
      return Step::failed;
  }
}

Moved write_some(Connection& connection, std::string_view text) {
  if (connection.tls) {
    std::size_t bytes = 0;
    ERR_clear_error();
    const int outcome = SSL_write_ex(connection.tls.get(), text.data(), text.size(), &bytes);
    return outcome == 1 ? Moved{Step::done, bytes} : Moved{tls_step(connection, outcome)};
  }
  const ssize_t taken = to_kernel(connection, text.data(), text.size());
  if (taken >= 0) return {Step::done, static_cast<std::size_t>(taken)};
  return {connection.broken != 0 ? Step::failed : Step::wait_to_write};
}

Moved read_some(Connection& connection, char* into, std::size_t room) {
  if (connection.tls) {
    std::size_t bytes = 0;
    ERR_clear_error();
    const int outcome = SSL_read_ex(connection.tls.get(), into, room, &bytes);
    return outcome == 1 ? Moved{Step::done, bytes} : Moved{tls_step(connection, outcome)};
  }
  const ssize_t taken = from_kernel(connection, into, room);
  if (taken > 0) return {Step::done, static_cast<std::size_t>(taken)};
  if (taken == 0) return {Step::ended};
  return {connection.broken != 0 ? Step::failed : Step::wait_to_read};
}

// Nothing may come on a connection where nothing was asked: what can be read is its end, or bytes
// that would be taken for the next answer. Session tickets are read on the way.
bool still_open(Connection& connection) {
  constexpr int most_tickets = 16;
  for (int record = 0; record < most_tickets; ++record) {
    char byte = 0;
    if (read_some(connection, &byte, 1).step != Step::wait_to_read) return false;
    pollfd more{connection.socket.native_handle(), POLLIN, 0};
    if (::poll(&more, 1, 0) == 0) return true;
  }
  return false;
}

// False: it was given up while it waited.
asio::awaitable<bool> ready(Connection& connection, Step step) {
  error_code stopped;
  co_await connection.socket.async_wait(step == Step::wait_to_read ? tcp::socket::wait_read : tcp::socket::wait_write,
                                        asio::redirect_error(asio::use_awaitable, stopped));
  co_return !stopped && connection.socket.is_open();
}

asio::awaitable<bool> write_all(Connection& connection, std::string_view text) {
  while (!text.empty()) {
    const Moved moved = write_some(connection, text);
    if (moved.step == Step::done) {
      text.remove_prefix(moved.bytes);
      continue;
    }
    if (moved.step == Step::ended || moved.step == Step::failed) co_return false;
    const bool go_on = co_await ready(connection, moved.step);
    if (!go_on) co_return false;
  }
  co_return true;
}

std::string why_lost(const Connection& connection) {
  if (connection.broken != 0) return "connection lost: " + spoken(std::generic_category().message(connection.broken));
  return "connection lost";
}

// ----------------------------------------------------------------------------------------- HTTP

using Parser = http::response_parser<http::string_body>;

std::string why_unread(error_code error, const HttpsSettings& settings) {
  if (error == http::error::body_limit) return "answer larger than " + size_text(settings.body_limit);
  if (error == http::error::header_limit) return "answer's head larger than " + size_text(settings.header_limit);
  return "not HTTP";
}

asio::awaitable<tl::expected<Received, std::string>> read_answer(Connection& connection, const HttpsSettings& settings,
                                                                 bool without_body) {
  using Unread = tl::unexpected<std::string>;
  // A host from which there is always more to read must not keep the loop from looking at the
  // patience of this and of the other requests.
  constexpr std::size_t read_at_once = 256U << 10;
  // What the pieces of a body are wrapped in counts as well.
  const std::size_t most = 2 * (settings.header_limit + settings.body_limit);
  constexpr int most_interim = 8;
  std::size_t in_all = 0;
  std::size_t since_yield = 0;
  std::optional<Parser> parser;
  for (int interim = 0;; ++interim) {  // until a final answer: those with 1xx announce one
    if (interim > most_interim) co_return Unread{"more than " + std::to_string(most_interim) + " interim answers"};
    parser.emplace();
    parser->header_limit(static_cast<std::uint32_t>(settings.header_limit));
    parser->body_limit(settings.body_limit);
    parser->eager(true);
    parser->skip(without_body);
    bool hungry = connection.unread.size() == 0;
    while (!parser->is_done()) {
      if (!hungry) {
        error_code error;
        const std::size_t eaten = parser->put(connection.unread.data(), error);
        connection.unread.consume(eaten);
        hungry = error == http::error::need_more || connection.unread.size() == 0;
        if (error && error != http::error::need_more) co_return Unread{why_unread(error, settings)};
        // A line without end, in the head or between chunks.
        if (connection.unread.size() >= settings.header_limit + bite)
          co_return Unread{why_unread(http::error::header_limit, settings)};
        continue;
      }
      const auto space = connection.unread.prepare(bite);
      const Moved moved = read_some(connection, static_cast<char*>(space.data()), space.size());
      if (moved.step == Step::done) {
        connection.unread.commit(moved.bytes);
        hungry = false;
        in_all += moved.bytes;
        if (in_all > most) co_return Unread{why_unread(http::error::body_limit, settings)};
        since_yield += moved.bytes;
        if (since_yield < read_at_once) continue;
        since_yield = 0;
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
        if (connection.late) co_return Unread{why_lost(connection)};
        continue;
      }
      if (moved.step == Step::wait_to_read || moved.step == Step::wait_to_write) {
        const bool go_on = co_await ready(connection, moved.step);
        if (!go_on) co_return Unread{why_lost(connection)};
        continue;
      }
      if (moved.step == Step::failed && !connection.cut) co_return Unread{why_lost(connection)};
      if (!parser->got_some()) co_return Unread{"connection closed without an answer"};
      error_code error = http::error::partial_message;
      if (moved.step == Step::ended) {
        error.clear();
        parser->put_eof(error);
      }
      if (error) co_return Unread{"connection closed within the answer"};
    }
    if (parser->get().result_int() / 100 != 1) break;
  }

  Received answer;
  answer.keep = parser->keep_alive() && connection.unread.size() == 0;
  auto& message = parser->get();
  answer.response.status = static_cast<int>(message.result_int());
  answer.response.body = std::move(message.body());
  for (const auto& field : message) {
    std::string name{field.name_string()};
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    answer.response.headers.emplace_back(std::move(name), std::string{field.value()});
  }
  co_return answer;
}

std::string size_text(std::size_t bytes) {
  if (bytes >= (1u << 20) && bytes % (1u << 20) == 0) return std::to_string(bytes >> 20) + " MiB";
  if (bytes >= (1u << 10) && bytes % (1u << 10) == 0) return std::to_string(bytes >> 10) + " KiB";
  return std::to_string(bytes) + " bytes";
}

// "Connection refused" in the middle of a sentence.
std::string spoken(std::string text) {
  if (text.size() > 1 && text[1] >= 'a' && text[1] <= 'z' && text[0] >= 'A' && text[0] <= 'Z')
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

}  // namespace
}  // namespace tradeguard
