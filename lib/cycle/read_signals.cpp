// Reads the signals once, and says of everything that is no signal what it was and what was not done.
#include "read_signals.hpp"

#include <algorithm>

#include "run.hpp"
#include "tell.hpp"

namespace tradeguard {

namespace {

Result<SignalBatch> ask_source(Run& run);
void say_rejected(Run& run, const SignalBatch& batch);
void say_left_out(Run& run, const LeftOut& left_out);
void tell_rejected_exits(Run& run, const std::vector<RejectedLine>& rejected);
void tell_nothing_but_rejected(Run& run, const SignalBatch& batch);

}  // namespace

std::vector<Signal> read_signals(Run& run) {
  auto batch = ask_source(run);
  if (!batch) {
    run.say(Line{Event::signals_unreadable}.add("error", batch.error().what));
    run.report.rejected += 1;
    return {};
  }
  say_rejected(run, *batch);
  std::stable_sort(batch->signals.begin(), batch->signals.end(), [](const Signal& a, const Signal& b) {
    return std::pair{a.time, a.line} < std::pair{b.time, b.line};
  });
  return std::move(batch->signals);
}

namespace {

Result<SignalBatch> ask_source(Run& run) {
  try {
    return run.ports.signals.read();
  } catch (const std::exception& error) {
    return failed(Fault::unreachable, error.what());
  }
}

void say_rejected(Run& run, const SignalBatch& batch) {
  for (const RejectedLine& rejected : batch.rejected) {
    run.report.rejected += 1;
    run.say(Line{Event::signal_rejected}.add("line", rejected.line).add("reason", rejected.reason));
  }
  for (const LeftOut& left_out : batch.left_out) say_left_out(run, left_out);
  if (!run.may_write()) return;
  tell_rejected_exits(run, batch.rejected);
  tell_nothing_but_rejected(run, batch);
}

// A file that only grows has stale lines in every run, so these are no warning.
void say_left_out(Run& run, const LeftOut& left_out) {
  const bool rejected = left_out.reason != "stale";
  if (rejected) run.report.rejected += static_cast<int>(left_out.count);
  run.say(Line{Event::signals_left_out, rejected ? Level::warn : Level::info}
              .add("count", left_out.count)
              .add("reason", left_out.reason)
              .add("first_line", left_out.first_line)
              .add("last_line", left_out.last_line));
}

// A SELL that cannot be read, with a trade open that it may have meant: the position stays, and nobody
// would know. Once for each trade and line, however often the line is read.
void tell_rejected_exits(Run& run, const std::vector<RejectedLine>& rejected) {
  std::vector<Item> items;
  for (const RejectedLine& line : rejected) {
    if (!line.exit_of) continue;
    for (const Trade& trade : run.book.trades) {
      const Order& entry = trade.entry();
      if (trade.record.settled || trade.record.released) continue;
      if (!line.exit_of->empty() && entry.symbol.text() != *line.exit_of) continue;
      Item item{.trade = trade.id()};
      item.say(Line{Event::exit_rejected}
                   .add("symbol", entry.symbol.text())
                   .add("order_id", order_id_of(entry))
                   .add("line", line.line)
                   .add("reason", line.reason));
      Notice notice = notice_of(NoticeType::exit_rejected, entry, run.now, std::to_string(line.content));
      notice.facts = {{"line", std::to_string(line.line)},
                      {"reason", line.reason},
                      {"not done", "nothing was sold for this line; the position stays protected"},
                      {"to sell", "tradeguard flatten " + entry.symbol.text() + ", or give a SELL that can be read"}};
      tell_once(run, item, std::move(notice));
      items.push_back(std::move(item));
    }
  }
  run.commit(std::move(items));
}

// Lines were given and none could be read: that is no bad line but a strategy nobody hears. Once a UTC
// day for each first line.
void tell_nothing_but_rejected(Run& run, const SignalBatch& batch) {
  if (!batch.signals.empty()) return;
  const auto first =
      std::find_if(batch.rejected.begin(), batch.rejected.end(), [](const RejectedLine& line) { return !line.source; });
  if (first == batch.rejected.end()) return;
  Notice notice = notice_of(
      NoticeType::signals_rejected,
      "SIGNALS_REJECTED:" + iso_seconds(run.now).substr(0, 10) + ":" + std::to_string(first->content), run.now);
  notice.facts = {{"lines", std::to_string(run.report.rejected)},
                  {"first line", std::to_string(first->line)},
                  {"reason", first->reason},
                  {"not done", "no signal was read, so nothing is bought or sold for them"}};
  Item item;
  tell_once(run, item, std::move(notice));
  run.commit({std::move(item)});
}

}  // namespace

// So these go the outbox's way, an immediate notifier's too.
void tell_once(Run& run, Item& item, Notice notice) {
  item.change.notices.push_back(std::move(notice));
  run.outbox.has_more = true;
  run.book.notices_waiting = true;
}

}  // namespace tradeguard
