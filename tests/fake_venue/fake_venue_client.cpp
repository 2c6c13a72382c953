#include "fake_venue_client.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

extern char** environ;

namespace tradeguard::fake {

namespace {

std::string encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view{"-_.~"}.find(c) != std::string_view::npos;
    if (plain) {
      result += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    result += '%';
    result += digits[byte >> 4];
    result += digits[byte & 15];
  }
  return result;
}

// Behind `name=` in the line that says READY.
std::string word_of(const std::string& line, const std::string& name) {
  const auto begin = line.find(name + "=");
  if (begin == std::string::npos) throw std::runtime_error{"fake_venue said: " + line};
  const auto value = begin + name.size() + 1;
  return line.substr(value, line.find(' ', value) - value);
}

}  // namespace

FakeVenueProcess::FakeVenueProcess(const std::vector<std::string>& controls) {
  auto name = (std::filesystem::temp_directory_path() / "fake-venue-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw std::runtime_error{"no scratch folder"};
  dir_ = name;
  std::vector<std::string> arguments{FAKE_VENUE_PROGRAM, "--dir", dir_};
  for (const auto& control : controls) {
    arguments.emplace_back("--control");
    arguments.push_back(control);
  }
  std::vector<char*> raw;
  for (auto& argument : arguments) raw.push_back(argument.data());
  raw.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error{"no pipe"};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  const int failed = ::posix_spawn(&pid_, raw[0], &actions, nullptr, raw.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  out_ = ends[0];
  if (failed != 0) throw std::runtime_error{"fake_venue cannot be started"};
  const auto line = read_line();
  port_ = std::stoi(word_of(line, "tls"));
  admin_port_ = std::stoi(word_of(line, "admin"));
  ca_ = word_of(line, "ca");
}

FakeVenueProcess::~FakeVenueProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  if (out_ >= 0) ::close(out_);
  std::error_code ignored;
  std::filesystem::remove_all(dir_, ignored);
}

std::string FakeVenueProcess::url() const { return "https://127.0.0.1:" + std::to_string(port_); }
std::string FakeVenueProcess::cryptocom_url() const { return url() + "/exchange/v1"; }
std::string FakeVenueProcess::ed25519_key_file() const { return dir_ + "/ed25519.pem"; }

void FakeVenueProcess::reset() { post("/reset"); }
void FakeVenueProcess::set(std::string_view setting, std::string_view value) {
  post("/settings", {{std::string{setting}, std::string{value}}});
}
void FakeVenueProcess::set_price(std::string_view symbol, Decimal price) {
  post("/price", {{"symbol", std::string{symbol}}, {"price", price.text()}});
}
void FakeVenueProcess::set_balance(std::string_view currency, Decimal amount) {
  post("/balance", {{"currency", std::string{currency}}, {"amount", amount.text()}});
}
void FakeVenueProcess::set_clock(Instant at) { post("/clock", {{"at", std::to_string(to_micros(at))}}); }
void FakeVenueProcess::real_clock() { post("/clock", {{"at", "real"}}); }
void FakeVenueProcess::set_clock_offset(Micros ahead) { post("/clock", {{"offset", std::to_string(ahead.count())}}); }
void FakeVenueProcess::fault(std::string_view endpoint, const Effects& effects) {
  auto query = effects;
  query["on"] = std::string{endpoint};
  post("/fault", query);
}
void FakeVenueProcess::clear_faults() { post("/faults/clear"); }
void FakeVenueProcess::change_order(std::string_view client_id, const Effects& effects) {
  auto query = effects;
  query["client"] = std::string{client_id};
  post("/order", query);
}
void FakeVenueProcess::listen(bool on) { post("/listen", {{"on", on ? "1" : "0"}}); }

std::vector<Json> FakeVenueProcess::orders(std::string_view client_id) {
  auto all = get("/orders").items;
  if (!client_id.empty())
    std::erase_if(all, [&](const Json& order) { return order.text_of("client_id") != client_id; });
  return all;
}
Json FakeVenueProcess::stats() { return get("/stats"); }
Json FakeVenueProcess::balances() { return get("/balances"); }
std::vector<std::string> FakeVenueProcess::messages() {
  std::vector<std::string> texts;
  for (const auto& message : get("/messages").items) texts.push_back(message.text_of("text"));
  return texts;
}
bool FakeVenueProcess::conserved() { return get("/conserved").text_of("conserved") == "true"; }

Json FakeVenueProcess::post(const std::string& path, const Effects& query) {
  std::string target = path;
  for (const auto& [name, value] : query)
    target += (target.find('?') == std::string::npos ? "?" : "&") + name + "=" + encoded(value);
  const auto answer = parse_json(ask("POST", target));
  if (!answer || answer->find("error"))
    throw std::runtime_error{"fake_venue refuses " + target.substr(0, 200) + ": " +
                             (answer ? answer->text_of("error") : "")};
  return *answer;
}

Json FakeVenueProcess::get(const std::string& path) {
  const auto answer = parse_json(ask("GET", path));
  if (!answer || answer->find("error")) throw std::runtime_error{"fake_venue has no " + path};
  return *answer;
}

std::string FakeVenueProcess::ask(const std::string& method, const std::string& target) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(admin_port_));
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket);
    throw std::runtime_error{"fake_venue is gone"};
  }
  const auto request = method + " " + target +
                       " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                       "Content-Length: 0\r\n\r\n";
  std::string answer;
  if (::send(socket, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    char buffer[4096];
    for (;;) {
      const auto size = ::read(socket, buffer, sizeof buffer);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) break;
      answer.append(buffer, static_cast<std::size_t>(size));
    }
  }
  ::close(socket);
  const auto body = answer.find("\r\n\r\n");
  return body == std::string::npos ? "" : answer.substr(body + 4);
}

std::string FakeVenueProcess::read_line() const {
  std::string line;
  for (char c = 0; c != '\n';) {
    const auto size = ::read(out_, &c, 1);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) throw std::runtime_error{"fake_venue ended before it was ready"};
    if (c != '\n') line += c;
  }
  return line;
}

}  // namespace tradeguard::fake
