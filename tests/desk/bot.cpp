// A linked bot as a process of its own. Its exchange is a file: an order is one appended line, and stays whatever
// becomes of the bot.
//
//   desk_bot STORE FOLDER AT life              one signal from its claim to its end
//   desk_bot STORE FOLDER AT crowd THREADS N   N signals on a shared desk, each claimed by every thread
//   desk_bot STORE FOLDER AT tend              asks and tells, and closes what the exchange has sold
//
// STORE is a file or a postgresql:// URL, AT the moment in seconds after noon at which its clock begins.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tradeguard/desk.hpp"
#include "tradeguard/postgres_store.hpp"
#include "tradeguard/sqlite_store.hpp"

namespace tradeguard::desk_tests {
namespace {

const Instant noon = parse_iso("2025-01-01T12:00:00Z").value();

template <class T>
T must(Result<T> done) {
  if (!done) throw std::runtime_error{in_words(done.error())};
  if constexpr (!std::is_void_v<T>) return std::move(*done);
}

// "BUY <wire id> <quantity>" and "SELL <wire id of the entry> <quantity>".
class Exchange {
 public:
  explicit Exchange(const std::string& folder) : file_{folder + "/exchange"} {}
  void post(const std::string& side, const std::string& id, Quantity quantity) const {
    const std::string line = side + " " + id + " " + quantity.text() + "\n";
    const int file = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0 || ::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      throw std::runtime_error{"the exchange cannot be written"};
    ::close(file);
  }
  std::optional<Quantity> find(const std::string& side, const std::string& id) const {
    std::ifstream all{file_};
    for (std::string line; std::getline(all, line);) {
      std::istringstream words{line};
      std::string of;
      std::string whose;
      std::string quantity;
      words >> of >> whose >> quantity;
      if (of == side && whose == id) return Quantity::parse(quantity);
    }
    return std::nullopt;
  }

 private:
  std::string file_;
};

Money worth(Quantity quantity) { return cost(Price{Decimal{100}}, quantity, Rounding::half_even); }

LookUp asking(const Exchange& exchange) {
  return [&exchange](const Order& order) -> LookedUp {
    const auto bought = exchange.find("BUY", order.wire_id.empty() ? order.client_id : order.wire_id);
    if (!bought) return NotThere{};
    return AtVenue{AtVenue::State::filled,
                   {.filled = *bought, .value = worth(*bought), .venue_id = "v" + order.client_id}};
  };
}

void close_what_was_sold(Desk& desk, const Exchange& exchange) {
  for (const Trade& trade : must(desk.open_trades()))
    if (const auto sold = exchange.find("SELL", trade.entry().wire_id))
      must(desk.closed(trade.id(), {ClosedBy::stop, "s" + trade.id(), *sold, worth(*sold)}));
}

void live(Desk& desk, const Exchange& exchange, Instant said) {
  const ClaimAnswer answer = desk.claim(
      {.symbol = "BTCUSDT", .said = said, .quantity = Quantity::parse("0.5").value(), .strategy = "crossover"});
  if (const auto* ticket = std::get_if<Ticket>(&answer)) {
    exchange.post("BUY", ticket->wire_id, ticket->quantity);
    must(desk.settle(ticket->id, Accepted{"v" + ticket->id, std::nullopt}));
    must(desk.filled(ticket->id, {.filled = ticket->quantity, .value = worth(ticket->quantity), .final = true}));
    exchange.post("SELL", ticket->wire_id, ticket->quantity);
    must(desk.closed(ticket->id, {ClosedBy::stop, "s" + ticket->id, ticket->quantity, worth(ticket->quantity)}));
  } else {
    std::cout << text(std::get<NotClaimed>(answer).why) << '\n';
  }
  must(desk.tend(asking(exchange)));
  close_what_was_sold(desk, exchange);
}

void crowd(Desk& desk, const Exchange& exchange, Instant said, int threads, int signals) {
  std::vector<std::thread> all;
  for (int thread = 0; thread < threads; ++thread)
    all.emplace_back([&, thread] {
      for (int i = 0; i < signals; ++i) {
        const int mine = (i + thread * 7) % signals;
        const ClaimAnswer answer =
            desk.claim({.symbol = "C" + std::to_string(mine) + "USDT", .said = said, .quantity = Quantity{Decimal{1}}});
        const auto* ticket = std::get_if<Ticket>(&answer);
        if (ticket == nullptr) continue;
        exchange.post("BUY", ticket->wire_id, ticket->quantity);
        must(desk.settle(ticket->id, Accepted{"v" + ticket->id, std::nullopt}));
      }
    });
  for (std::thread& thread : all) thread.join();
}

int run(const std::vector<std::string>& words) {
  const std::string& store = words.at(0);
  const Exchange exchange{words.at(1)};
  const std::string& what = words.at(3);
  ManualClock clock{noon};
  Desk::Settings settings;
  settings.policy.client_id_form = ClientIdForm::hex32;
  settings.policy.max_open_positions = 0;
  settings.policy.cooldown = {.cooldown = 0s, .after_stop = 0s};
  settings.patience = 120s;
  if (what != "life") settings.sharing = Desk::Sharing::shared;
  const OpenStore open = store.starts_with("postgresql:") ? at_postgres(store, {.server_clock = false})
                                                          : at_sqlite(store, {.busy_timeout = 60s});
  // A server notices that a process is gone a moment after it is.
  SystemClock patience;
  auto opened = Desk::open(open, {"kraken", "bot7"}, settings, clock);
  for (int attempt = 0; !opened && opened.error().fault == Fault::fenced && attempt < 3000; ++attempt) {
    patience.wait(10ms);
    opened = Desk::open(open, {"kraken", "bot7"}, settings, clock);
  }
  const auto desk = must(std::move(opened));
  const Instant said = noon + 1s;
  clock.advance(std::chrono::seconds{std::stoi(words.at(2))});
  if (what == "life") live(*desk, exchange, said);
  if (what == "crowd") crowd(*desk, exchange, said, std::stoi(words.at(4)), std::stoi(words.at(5)));
  if (what == "tend") {
    must(desk->tend(asking(exchange)));
    close_what_was_sold(*desk, exchange);
    const Tended after = must(desk->tend(asking(exchange)));
    std::cout << "in doubt " << after.in_doubt << ", open " << must(desk->open_trades()).size() << ", alarms "
              << after.alarms << '\n';
  }
  return 0;
}

}  // namespace
}  // namespace tradeguard::desk_tests

int main(int count, char** words) {
  try {
    return tradeguard::desk_tests::run({words + 1, words + count});
  } catch (const std::exception& error) {
    std::cerr << "desk_bot: " << error.what() << '\n';
    return 1;
  }
}
