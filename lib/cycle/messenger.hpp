// The notifier of one run, and how it has answered so far. What the store is to remember of it waits here to be recorded.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "run_clock.hpp"
#include "tradeguard/journal.hpp"
#include "tradeguard/log.hpp"
#include "tradeguard/notice.hpp"

namespace tradeguard {

class Messenger {
 public:
  Messenger(Notifier& n, Log& log, const RunClock& clock, Micros limit)
      : notifier{n}, budget{limit}, log_{log}, clock_{clock} {}

  Notifier& notifier;
  const Micros budget;  // of what is told at once, each; of the outbox, all together
  int sent = 0;
  std::vector<DeliveryRecord> delivered;     // not recorded yet
  std::set<ClientOrderId> waiting_trades;    // an earlier notice of theirs is still undelivered
  std::optional<std::string> undeliverable;  // a notice that nobody will get, and why
  std::optional<std::string> way_refused;    // why nothing is taken at present
  bool something_arrived = false;            // a notice, for certain
  std::set<std::string> long_refused;        // event ids that were refused in run after run

  // At once, unless an earlier notice of its trade waits.
  void deliver_now(const Notice& notice);
  // CRITICALs that cannot go through the store wait here for tell_untold().
  void tell_without_store(const Notice& notice) { untold_.push_back(notice); }
  void tell_untold();

  // Until a moment of elapsed(): CRITICALs among them, one message for each kind.
  void deliver_criticals(std::span<const Notice> notices, Micros until);
  // The ordinary ones in order: a message for each trade, or where many wait in as few as hold them.
  void deliver_ordinary(std::span<const Notice> notices, Micros until);

 private:
  // Of no trade whose earlier notice waits, unless it is a CRITICAL.
  void deliver_alone(const Notice& notice, Micros until);
  void deliver_digests(std::span<const Notice> notices, Micros until);
  void deliver_story(std::span<const Notice> story, Micros until);
  void deliver_as(Notice digest, std::span<const Notice> notices, Micros until);
  void hear(const Notice& notice, const Delivery& delivery);

  Log& log_;
  const RunClock& clock_;
  std::vector<Notice> untold_;
};

}  // namespace tradeguard
