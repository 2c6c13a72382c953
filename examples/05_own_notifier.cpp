// 05: an own notifier. Teaches the three answers of Notifier and what becomes of each.
//
// A notice is written in the transaction that makes it true and delivered at least once:
// "delivered" ends it, "try later" keeps it and everything behind it of the same trade,
// "undeliverable" marks it so that it never blocks. A notifier never throws, keeps its budget, and
// says whether it is immediate: one that is gets its notices as they happen, one that is not at the
// end of the run.
#include <iostream>

#include "tradeguard/memory_signals.hpp"
#include "tradeguard/memory_store.hpp"
#include "tradeguard/monitor_cycle.hpp"
#include "tradeguard/paper_venue.hpp"

using namespace tradeguard;

namespace {

// A pager behind an HTTP API: 200 is delivered, 429 says when to come back, 404 is a wrong address.
class Pager final : public Notifier {
 public:
  int answers = 200;

  Delivery deliver(const Notice& notice, Micros budget) noexcept override {
    switch (post(notice, budget)) {
      case 200:
        return Delivered{};
      case 404:
        return Undeliverable{"no such pager"};
      case 429:
        return TryLater{30s, "too many requests"};
      default:
        return TryLater{5s, "the pager did not answer"};
    }
  }
  bool immediate() const override { return false; }  // it talks to a network

 private:
  // Here the bot's HTTP code would stand; it gives up when the budget is used up.
  int post(const Notice& notice, Micros) const noexcept {
    if (answers != 200) return answers;
    // plain_text() is the whole message; this one shows its first line, and when it is urgent.
    const std::string message = plain_text(notice);
    std::cout << "  [pager" << (notice.severity == Severity::critical ? ", urgent] " : "] ")
              << message.substr(0, message.find('\n')) << std::endl;
    return 200;
  }
};

}  // namespace

int main() {
  MemoryStore store;
  ManualClock clock{parse_iso("2025-01-01T12:00:07Z").value()};
  MemoryPaperBook book;
  PaperVenue venue{clock, book, {}};
  Pager pager;
  MemorySignals signals;
  Log log{[](Level, Instant, std::string_view line) {
            if (line.starts_with("TG_")) std::cout << "  " << line << std::endl;
          },
          clock};
  const auto run = [&](std::string_view title) {
    std::cout << title << '\n';
    const auto account = store.open({"paper", "main"});
    CyclePorts ports{*account, venue, venue, pager, signals, clock, log};
    CycleSettings settings;
    settings.check_slippage = false;
    const RunReport report = monitor_cycle(ports, settings);
    std::cout << "  notices sent: " << report.notices_sent
              << ", waiting: " << account->journal().waiting_notices().value() << '\n';
    clock.advance(60s);
  };

  Signal eth{.symbol = Symbol::parse("ETH_USDT").value(), .side = Side::buy, .time = clock.now()};
  eth.notional = Money{50};
  eth.price = Price::parse("3350.5");
  signals.give(eth);
  pager.answers = 429;
  run("12:00 bought and protected, but the pager says 429");
  pager.answers = 200;
  run("12:01 nothing happens, and what waited is told in its order");
}
