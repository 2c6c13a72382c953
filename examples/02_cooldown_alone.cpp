// 02: the cooldown alone, for a bot that has everything else. Teaches CooldownGuard and
// EntryHistory.
//
// It links tradeguard::core, sql and sqlite, and so needs neither libpq nor OpenSSL; a test looks.
// The cooldown is per base currency: ETH_USD cools what ETH_USDT bought. It is remembered in the
// file, so a restart does not end it. The reading is advisory: two processes may both read
// "passed". Hold a run lock around it (example 01), or let the claim judge (example 03).
#include <iostream>
#include <stdexcept>

#include "tradeguard/clock.hpp"
#include "tradeguard/notice.hpp"
#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sql_store.hpp"
#include "tradeguard/sqlite_session.hpp"

using namespace tradeguard;

namespace {

void must(const Result<void>& done) {
  if (!done) throw std::runtime_error{done.error().what};
}

// The bot's own way to tell, behind the interface that every part of tradeguard tells through.
class ChatNotifier final : public Notifier {
 public:
  Delivery deliver(const Notice& notice, Micros) noexcept override {
    std::cout << "  [chat] " << text(notice.type) << ' ' << notice.symbol << '\n';
    return Delivered{};
  }
  bool immediate() const override { return true; }
};

class Bot {
 public:
  Bot(SqlSession& session, Clock& clock)
      : history_{session, pen_},
        guard_{history_, {.cooldown = 300s, .after_stop = 0s}},
        clock_{clock} {}

  void wants_to_buy(std::string_view name) {
    const Symbol symbol = Symbol::parse(name).value();
    const Instant now = clock_.now();
    std::cout << iso_seconds(now) << " wants " << name << '\n';
    const auto verdicts = guard_.check({&symbol, 1}, now).value();
    if (const auto* cooling = std::get_if<Cooling>(&verdicts.front())) {
      std::cout << "  cools for " << seconds_rounded_up(cooling->until - now)
                << " s more: " << cooling->because << '\n';
      return;
    }
    // Remembered before the order is sent: a crash in between costs an entry, not a second one.
    must(history_.remember(symbol, now));
    send_order(symbol);
  }

 private:
  void send_order(const Symbol& symbol) {
    std::cout << "  buys\n";
    Notice notice{.event_id = "bought:" + symbol.text(), .type = NoticeType::order_created};
    notice.symbol = symbol.text();
    chat_.deliver(notice, 1s);
  }

  Pen pen_{{"my-exchange", "main"}, std::nullopt};
  SqlEntryHistory history_;
  HistoryCooldownGuard guard_;
  Clock& clock_;
  ChatNotifier chat_;
};

}  // namespace

int main() {
  SqliteOptions options;
  options.mode = SqliteOptions::Mode::create;
  auto session = SqliteSession::open("cooldown.db", options).value();
  must(init_schema(*session));
  ManualClock clock{parse_iso("2025-01-01T12:00:00Z").value()};

  Bot{*session, clock}.wants_to_buy("ETH_USDT");
  clock.advance(60s);
  // Another process, another pair, the same currency.
  Bot restarted{*session, clock};
  restarted.wants_to_buy("ETH_USD");
  restarted.wants_to_buy("BTC_USDT");
  clock.advance(240s);
  restarted.wants_to_buy("ETH_USD");
}
