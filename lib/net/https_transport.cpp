// Asio waits, Beast reads HTTP (answer.cpp), OpenSSL does TLS (tls.cpp) over a BIO of ours (connection.cpp).
//
// Connections and requests meet late: connections are made for the number of requests that need
// one, and the first request in order takes the first that is up. A slow handshake therefore delays
// nobody but the last.
//
// A connection is dialed at one address after the other, and at the next one too when the one before
// it keeps silent for a share of the patience: the first that comes all the way up is the connection.
#include "tradeguard/https_transport.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): POSIX's signals

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

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

#include "answer.hpp"
#include "connection.hpp"
#include "loopback.hpp"
#include "pace.hpp"
#include "request_text.hpp"
#include "tls.hpp"
#include "tradeguard/secret.hpp"

namespace tradeguard {
namespace {

using namespace net;

// A paced request whose turn is nearer than this gets its connection made ahead: about as long as a
// handshake with the other side of the world takes.
constexpr auto dial_ahead = 500ms;
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

}  // namespace
}  // namespace tradeguard
