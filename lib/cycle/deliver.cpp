#include "deliver.hpp"

#include <algorithm>

#include "ledger.hpp"
#include "tell.hpp"

namespace tradeguard {

namespace {

constexpr std::size_t batch_size = 1000;
constexpr Micros critical_budget = 2s;  // while there is something to protect

void deliver_waiting(Ledger& ledger, const RunClock& clock, Messenger& messenger, Micros until);
bool flush_records(Ledger& ledger, const RunClock& clock, Messenger& messenger);
void note_undeliverable(Ledger& ledger, const RunClock& clock, Messenger& messenger);

}  // namespace

void drain_immediate(Ledger& ledger, const RunClock& clock, Messenger& messenger) {
  if (!ledger.book.notices_waiting || !messenger.notifier.immediate()) return;
  deliver_waiting(ledger, clock, messenger, clock.elapsed() + messenger.budget);
}

void deliver_criticals(Ledger& ledger, const RunClock& clock, Messenger& messenger) {
  if (messenger.notifier.immediate() || !ledger.may_write() || !ledger.notices_written) return;
  const Micros until = clock.elapsed() + critical_budget;
  const auto due = ledger.journal().due_notices(clock.now, batch_size);
  if (!due) return ledger.store_failed(due.error());
  messenger.deliver_criticals(*due, until);
  flush_records(ledger, clock, messenger);
}

void deliver(Ledger& ledger, const RunClock& clock, Messenger& messenger) {
  if (ledger.fenced || ledger.store_lost) return;
  if (!flush_records(ledger, clock, messenger)) return;
  const bool waiting = ledger.notices_written || ledger.book.notices_waiting;
  if (waiting && (!messenger.notifier.immediate() || ledger.book.notices_waiting))
    deliver_waiting(ledger, clock, messenger, clock.elapsed() + messenger.budget);
  note_undeliverable(ledger, clock, messenger);
}

namespace {

void deliver_waiting(Ledger& ledger, const RunClock& clock, Messenger& messenger, Micros until) {
  while (clock.elapsed() < until && ledger.may_write()) {
    const auto due = ledger.journal().due_notices(clock.now, batch_size);
    if (!due) {
      ledger.store_failed(due.error());
      return;
    }
    if (due->empty()) return;
    std::vector<Notice> ordinary;
    for (const Notice& notice : *due)
      if (notice.severity != Severity::critical) ordinary.push_back(notice);
    messenger.deliver_criticals(*due, until);
    messenger.deliver_ordinary(ordinary, until);
    const bool progress = std::any_of(messenger.delivered.begin(), messenger.delivered.end(),
                                      [](const auto& r) { return r.what != DeliveryRecord::What::try_later; });
    if (!flush_records(ledger, clock, messenger) || !progress) return;
  }
}

bool flush_records(Ledger& ledger, const RunClock& clock, Messenger& messenger) {
  if (messenger.delivered.empty()) return true;
  // Others arrive, and this one has been refused for hours: it is the message after all.
  for (DeliveryRecord& record : messenger.delivered) {
    if (!messenger.something_arrived || !messenger.long_refused.contains(record.event_id) ||
        record.what != DeliveryRecord::What::try_later)
      continue;
    record.what = DeliveryRecord::What::undeliverable;
    record.next_try.reset();
    messenger.undeliverable = record.event_id + ": " + record.error;
  }
  const auto recorded = ledger.journal().record_deliveries(messenger.delivered, clock.now);
  messenger.delivered.clear();
  if (!recorded) ledger.store_failed(recorded.error());
  return recorded.has_value();
}

// A notice nobody will ever get, and a way that is refused, stand as a CRITICAL until something
// arrives: then the way is open again.
void note_undeliverable(Ledger& ledger, const RunClock& clock, Messenger& messenger) {
  Item item;
  const std::string subject = "notifier";
  const bool standing = stands(ledger, NoticeType::undeliverable, subject);
  const auto& trouble = messenger.undeliverable ? messenger.undeliverable : messenger.way_refused;
  if (trouble && !standing) {
    Alarm alarm = alarm_of(NoticeType::undeliverable, subject);
    alarm.detail = *trouble;
    alarm.raised_at = clock.now;
    alarm.told = 0;  // by whom?
    item.change.alarms.push_back({AlarmEdge::What::raise, std::move(alarm)});
  } else if (!trouble && standing && messenger.something_arrived) {
    clear(item, ledger, clock, NoticeType::undeliverable, subject);
  }
  ledger.commit({std::move(item)});
}

}  // namespace

}  // namespace tradeguard
