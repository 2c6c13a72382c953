#include "server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <chrono>
#include <ctime>
#include <set>

#include "fake_venue.hpp"

namespace tradeguard::fake {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Failure = boost::system::error_code;

constexpr std::uint64_t longest_request = 1 << 20;

std::string http_date(Instant at) {
  const auto seconds =
      static_cast<std::time_t>(std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count());
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const auto size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

Request request_from(http::request<http::string_body>&& read) {
  Request request;
  request.method = std::string{read.method_string()};
  const std::string target{read.target()};
  const auto mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string::npos) request.query = target.substr(mark + 1);
  for (const auto& field : read) request.headers.emplace_back(lower(field.name_string()), std::string{field.value()});
  request.body = std::move(read.body());
  request.arrived = std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now().time_since_epoch());
  return request;
}

class Connection {
 public:
  virtual ~Connection() = default;
  virtual void cut() = 0;
};

}  // namespace

struct Server::Sockets {
  Sockets(const Certificates& certificates, const Ed25519Pair& key, unsigned short tls_port, unsigned short admin_port)
      : fake{key,
             {[this](Micros span, std::function<void()> then) { later(span, std::move(then)); },
              [this](bool on) { listen(on); }}},
        doors{open(tls_port)},
        admin_doors{open(admin_port)},
        port{doors.local_endpoint().port()} {
    tls.use_certificate_chain_file(certificates.chain);
    tls.use_private_key_file(certificates.key, asio::ssl::context::pem);
    tls.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    accept();
    accept_admin();
  }

  tcp::acceptor open(unsigned short at) { return {io, tcp::endpoint{asio::ip::address_v4::loopback(), at}, true}; }

  void later(Micros span, std::function<void()> then) {
    const auto timer = std::make_shared<asio::steady_timer>(io, span);
    timer->async_wait([timer, then = std::move(then)](Failure failed) {
      if (!failed) then();
    });
  }

  void listen(bool on) {
    if (on && !doors.is_open()) {
      doors = open(port);
      accept();
    } else if (!on) {
      Failure ignored;
      doors.close(ignored);
      const auto all = guests;
      for (Connection* guest : all) guest->cut();
    }
  }

  void accept();
  void accept_admin();

  // Connections end with `io`, and say so to what stands above it.
  std::set<Connection*> guests;  // on the TLS port
  FakeVenue fake;
  asio::ssl::context tls{asio::ssl::context::tls_server};
  asio::io_context io{1};
  asio::signal_set signals{io, SIGTERM, SIGINT};
  tcp::acceptor doors;
  tcp::acceptor admin_doors;
  unsigned short port;
};

namespace {

// One connection, request after request. Stream is a socket or TLS over one.
template <class Stream, class Sockets>
class Session final : public Connection, public std::enable_shared_from_this<Session<Stream, Sockets>> {
 public:
  static constexpr bool secure = !std::is_same_v<Stream, tcp::socket>;

  template <class... Arguments>
  Session(Sockets& house, Arguments&&... arguments) : house_{house}, stream_{std::forward<Arguments>(arguments)...} {
    if constexpr (secure) {
      house_.guests.insert(this);
      ++house_.fake.stats().connections;
      ++house_.fake.stats().open_connections;
    }
  }
  ~Session() override {
    if constexpr (secure) {
      house_.guests.erase(this);
      --house_.fake.stats().open_connections;
    }
  }

  void begin() {
    stream_.lowest_layer().set_option(tcp::no_delay{true});
    if constexpr (secure) {
      stream_.async_handshake(asio::ssl::stream_base::server, [self = this->shared_from_this()](Failure failed) {
        if (!failed) self->read();
      });
    } else {
      read();
    }
  }

  void cut() override {
    Failure ignored;
    stream_.lowest_layer().close(ignored);
  }

 private:
  void read() {
    parser_.emplace();
    parser_->body_limit(longest_request);
    if constexpr (!secure) parser_->header_limit(longest_request);  // a fault may carry a body
    http::async_read(stream_, buffer_, *parser_, [self = this->shared_from_this()](Failure failed, std::size_t) {
      if (!failed) self->handle();
    });
  }

  void handle() {
    auto read = parser_->release();
    keep_ = read.keep_alive();
    const auto request = request_from(std::move(read));
    if constexpr (secure) {
      house_.fake.answer(request, [self = this->shared_from_this()](const Reply& reply) { self->write(reply); });
    } else {
      write(house_.fake.control(request));
    }
  }

  void write(const Reply& reply) {
    if (reply.ending == Reply::Ending::drop) return cut();
    if (reply.ending == Reply::Ending::hang) return wait_for_the_end();
    out_ = "HTTP/1.1 " + std::to_string(reply.status) + " " +
           std::string{http::obsolete_reason(http::int_to_status(static_cast<unsigned>(reply.status)))} +
           "\r\nDate: " + http_date(house_.fake.now()) + "\r\nServer: fake\r\n";
    if (!reply.body.empty()) out_ += "Content-Type: " + reply.type + "\r\n";
    for (const auto& [name, value] : reply.headers) out_ += name + ": " + value + "\r\n";
    if (!keep_) out_ += "Connection: close\r\n";
    out_ += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n";
    out_ += reply.body.substr(0, reply.cut_after.value_or(reply.body.size()));
    const bool ends = reply.cut_after.has_value();
    asio::async_write(stream_, asio::buffer(out_),
                      [self = this->shared_from_this(), ends](Failure failed, std::size_t) {
                        if (failed || ends) return self->cut();
                        self->keep_ ? self->read() : self->leave();
                      });
  }

  void leave() {
    if constexpr (secure) {
      stream_.async_shutdown([self = this->shared_from_this()](Failure) { self->cut(); });
    } else {
      cut();
    }
  }

  // Nothing more is said here; the other side's patience ends it.
  void wait_for_the_end() {
    stream_.async_read_some(asio::buffer(rest_), [self = this->shared_from_this()](Failure failed, std::size_t) {
      if (!failed) self->wait_for_the_end();
    });
  }

  Sockets& house_;
  Stream stream_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::string out_;
  std::array<char, 256> rest_{};
  bool keep_ = true;
};

}  // namespace

void Server::Sockets::accept() {
  doors.async_accept([this](Failure failed, tcp::socket socket) {
    if (failed) return;
    using Guest = Session<asio::ssl::stream<tcp::socket>, Sockets>;
    std::make_shared<Guest>(*this, std::move(socket), tls)->begin();
    accept();
  });
}

void Server::Sockets::accept_admin() {
  admin_doors.async_accept([this](Failure failed, tcp::socket socket) {
    if (failed) return;
    std::make_shared<Session<tcp::socket, Sockets>>(*this, std::move(socket))->begin();
    accept_admin();
  });
}

Server::Server(const Certificates& certificates, const Ed25519Pair& key, unsigned short port, unsigned short admin_port)
    : sockets_{std::make_unique<Sockets>(certificates, key, port, admin_port)} {}
Server::~Server() = default;
unsigned short Server::port() const { return sockets_->port; }
unsigned short Server::admin_port() const { return sockets_->admin_doors.local_endpoint().port(); }
Reply Server::control(const Request& request) { return sockets_->fake.control(request); }

void Server::run() {
  sockets_->signals.async_wait([this](Failure, int) { sockets_->io.stop(); });
  sockets_->io.run();
}

}  // namespace tradeguard::fake
