// Reads the signals once, and says of everything that is no signal what it was and what was not done.
#include "read_signals.hpp"

#include <algorithm>

#include "ledger.hpp"
#include "tell.hpp"

namespace tradeguard {

namespace {

Result<SignalBatch> ask_source(SignalSource& source);
int say_rejected(Ledger& ledger, const RunClock& clock, const SignalBatch& batch);
int say_left_out(const Ledger& ledger, const LeftOut& left_out);
void tell_rejected_exits(Ledger& ledger, const RunClock& clock, const std::vector<RejectedLine>& rejected);
void tell_nothing_but_rejected(Ledger& ledger, const RunClock& clock, const SignalBatch& batch, int lines);

}  // namespace

ReadSignals read_signals(Ledger& ledger, const RunClock& clock, SignalSource& source) {
  auto batch = ask_source(source);
  if (!batch) {
    ledger.say(Line{Event::signals_unreadable}.add("error", batch.error().what));
    return {.signals = {}, .rejected = 1};
  }
  const int rejected = say_rejected(ledger, clock, *batch);
  std::stable_sort(batch->signals.begin(), batch->signals.end(), [](const Signal& a, const Signal& b) {
    return std::pair{a.time, a.line} < std::pair{b.time, b.line};
  });
  return {std::move(batch->signals), rejected};
}

namespace {

Result<SignalBatch> ask_source(SignalSource& source) {
  try {
    return source.read();
  } catch (const std::exception& error) {
    return failed(Fault::unreachable, error.what());
  }
}

int say_rejected(Ledger& ledger, const RunClock& clock, const SignalBatch& batch) {
  for (const RejectedLine& rejected : batch.rejected)
    ledger.say(Line{Event::signal_rejected}.add("line", rejected.line).add("reason", rejected.reason));
  int lines = static_cast<int>(batch.rejected.size());
  for (const LeftOut& left_out : batch.left_out) lines += say_left_out(ledger, left_out);
  if (!ledger.may_write()) return lines;
  tell_rejected_exits(ledger, clock, batch.rejected);
  tell_nothing_but_rejected(ledger, clock, batch, lines);
  return lines;
}

// A file that only grows has stale lines in every run, so these are no warning.
int say_left_out(const Ledger& ledger, const LeftOut& left_out) {
  const bool rejected = left_out.why == LeftOut::Why::rejected;
  ledger.say(Line{Event::signals_left_out, rejected ? Level::warn : Level::info}
                 .add("count", left_out.count)
                 .add("reason", rejected ? "rejected" : "stale")
                 .add("first_line", left_out.first_line)
                 .add("last_line", left_out.last_line));
  return rejected ? static_cast<int>(left_out.count) : 0;
}

// A SELL that cannot be read, with a trade open that it may have meant: the position stays, and nobody
// would know. Once for each trade and line, however often the line is read.
void tell_rejected_exits(Ledger& ledger, const RunClock& clock, const std::vector<RejectedLine>& rejected) {
  std::vector<Item> items;
  for (const RejectedLine& line : rejected) {
    if (!line.exit_of) continue;
    for (const Trade& trade : ledger.book.trades) {
      const Order& entry = trade.entry();
      if (trade.record.settled || trade.record.released) continue;
      if (!line.exit_of->empty() && entry.symbol.text() != *line.exit_of) continue;
      Item item{.trade = trade.id()};
      item.say(Line{Event::exit_rejected}
                   .add("symbol", entry.symbol.text())
                   .add("order_id", order_id_of(entry))
                   .add("line", line.line)
                   .add("reason", line.reason));
      Notice notice = notice_of(NoticeType::exit_rejected, entry, clock.now, std::to_string(line.content));
      notice.facts = {{"line", std::to_string(line.line)},
                      {"reason", line.reason},
                      {"not done", "nothing was sold for this line; the position stays protected"},
                      {"to sell", "tradeguard flatten " + entry.symbol.text() + ", or give a SELL that can be read"}};
      tell_once(ledger, item, std::move(notice));
      items.push_back(std::move(item));
    }
  }
  ledger.commit(std::move(items));
}

// Lines were given and none could be read: that is no bad line but a strategy nobody hears. Once a UTC
// day for each first line.
void tell_nothing_but_rejected(Ledger& ledger, const RunClock& clock, const SignalBatch& batch, int lines) {
  if (!batch.signals.empty()) return;
  const auto first =
      std::find_if(batch.rejected.begin(), batch.rejected.end(), [](const RejectedLine& line) { return !line.source; });
  if (first == batch.rejected.end()) return;
  Notice notice = notice_of(
      NoticeType::signals_rejected,
      "SIGNALS_REJECTED:" + iso_seconds(clock.now).substr(0, 10) + ":" + std::to_string(first->content), clock.now);
  notice.facts = {{"lines", std::to_string(lines)},
                  {"first line", std::to_string(first->line)},
                  {"reason", first->reason},
                  {"not done", "no signal was read, so nothing is bought or sold for them"}};
  Item item;
  tell_once(ledger, item, std::move(notice));
  ledger.commit({std::move(item)});
}

}  // namespace

// So these go the outbox's way, an immediate notifier's too.
void tell_once(Ledger& ledger, Item& item, Notice notice) {
  item.change.notices.push_back(std::move(notice));
  ledger.notices_written = true;
  ledger.book.notices_waiting = true;
}

}  // namespace tradeguard
