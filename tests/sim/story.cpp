#include "story.hpp"

#include <array>
#include <chrono>

namespace tradeguard::sim {

namespace {

Happening fault(Chance& chance, int minute);
int eventful_minute(const Story& story, Chance& chance);
Kind kind_at(Chance& chance, Port port);
std::int64_t amount_of(Chance& chance, Kind kind);
void ordinary_life(Story& story, Chance& chance);
std::int64_t start_of(Chance& chance);

}  // namespace

Story story_of(std::uint64_t seed) {
  Chance chance{seed, "story"};
  Story story{.seed = seed,
              .exchange = static_cast<Exchange>(chance.below(3)),
              .minutes = chance.between(4, 16),
              .starts_at = start_of(chance),
              .quiet_notifier = chance.once_in(4),
              .owner_has_coins = chance.once_in(3)};
  ordinary_life(story, chance);
  // One in eight goes without a fault: then the bounds are tight. The others have a few, or many.
  int faults = 0;
  if (!chance.once_in(8)) faults = chance.once_in(3) ? chance.between(10, 40) : chance.between(1, 8);
  for (int i = 0; i < faults; ++i) story.happenings.push_back(fault(chance, eventful_minute(story, chance)));
  return story;
}

namespace {

std::int64_t start_of(Chance& chance) {
  using namespace std::chrono;
  // Noon, the edge of a day, of a month, of a year; a little before a full minute.
  constexpr std::array days{sys_days{year{2025} / 1 / 1}, sys_days{year{2025} / 2 / 28},
                            sys_days{year{2024} / 12 / 31}, sys_days{year{2025} / 6 / 15}};
  constexpr std::array<seconds, 4> times{hours{12}, hours{23} + minutes{54}, hours{23} + minutes{58},
                                         hours{3} + minutes{59} + seconds{59}};
  const auto at = chance.one_of(days) + chance.one_of(times);
  return duration_cast<microseconds>(at.time_since_epoch()).count() +
         static_cast<std::int64_t>(chance.below(1'000'000));
}

// What a market and its people do on any day.
void ordinary_life(Story& story, Chance& chance) {
  const auto happens = [&](Kind kind, int run, int who, std::int64_t amount) {
    story.happenings.push_back({kind, run, Port::any, 0, who, amount});
  };
  const std::uint64_t calm = 1 + chance.below(4);
  if (chance.once_in(3)) happens(Kind::settings_change, 0, 0, static_cast<std::int64_t>(chance.below(1'000'000)));
  for (int minute = 0; minute < story.minutes; ++minute) {
    if (chance.once_in(calm)) {
      for (int i = chance.between(1, 3); i > 0; --i)
        happens(Kind::signal, minute, static_cast<int>(chance.below(5)),
                static_cast<std::int64_t>(chance.below(1'000'000)));
    }
    if (chance.once_in(5)) happens(Kind::repeat_signals, minute, 0, 0);
    if (chance.once_in(7))
      happens(Kind::price_jump, minute, static_cast<int>(chance.below(5)), chance.between(-60, 60));
    if (chance.once_in(60)) happens(Kind::halt, minute, 0, 0);
    if (chance.once_in(10)) happens(Kind::resume, minute, 0, 0);
    if (chance.once_in(50)) happens(Kind::dry_run, minute, 0, chance.between(1, 3));
    if (chance.once_in(15))
      happens(Kind::settings_change, minute, 0, static_cast<std::int64_t>(chance.below(1'000'000)));
    if (chance.once_in(60)) happens(Kind::prune, minute, 0, 0);
  }
}

// Mostly where something is bought or sold, or was a minute ago.
int eventful_minute(const Story& story, Chance& chance) {
  const int any = chance.between(0, story.minutes - 1);
  std::vector<int> eventful;
  for (const Happening& h : story.happenings)
    if (h.kind == Kind::signal || h.kind == Kind::price_jump) eventful.push_back(h.run);
  if (eventful.empty() || chance.once_in(4)) return any;
  const int near = chance.one_of(eventful) + (chance.once_in(4) ? 1 : 0);
  return near < story.minutes ? near : any;
}

constexpr std::array every_port{
    Port::any, Port::any, Port::any, Port::any, Port::any, Port::acquire, Port::still_held, Port::claim,
    Port::open_book, Port::write, Port::write, Port::write, Port::claim_exits, Port::outbox, Port::frame,
    Port::store_other, Port::place, Port::place, Port::place, Port::place, Port::place, Port::place,
    Port::place, Port::place, Port::protect, Port::protect, Port::protect, Port::protect, Port::protect,
    Port::protect, Port::flatten, Port::flatten, Port::flatten, Port::flatten, Port::cancel, Port::cancel,
    Port::cancel, Port::find, Port::find, Port::find, Port::find, Port::find, Port::market,
    Port::venue_other, Port::deliver, Port::deliver,
};

constexpr std::array of_the_process{
    Kind::kill_before, Kind::kill_after, Kind::kill_before, Kind::kill_after, Kind::interleave_before,
    Kind::interleave_after, Kind::steal_lock, Kind::lose_lock, Kind::pause, Kind::sigterm, Kind::clock_step,
};
constexpr std::array of_the_store{Kind::busy, Kind::answer_of_store_lost, Kind::answer_of_store_lost,
                                  Kind::store_down};
constexpr std::array of_a_request{
    Kind::lost, Kind::lost, Kind::late, Kind::late, Kind::answer_lost, Kind::answer_lost, Kind::throttled,
    Kind::not_connected, Kind::refused, Kind::rejected_later, Kind::in_parts, Kind::in_parts, Kind::twin,
    Kind::reordered, Kind::stored_wrong, Kind::expires, Kind::slow, Kind::adapter_throws, Kind::kill_midway,
};
constexpr std::array of_a_look_up{
    Kind::unread, Kind::unread_one, Kind::incomplete, Kind::incomplete, Kind::stale, Kind::stale, Kind::not_understood,
    Kind::without_fees, Kind::slow, Kind::adapter_throws,
};
constexpr std::array of_a_reading{Kind::unread, Kind::stale, Kind::slow};
constexpr std::array of_the_notifier{Kind::try_later, Kind::undeliverable, Kind::told_but_no_answer,
                                     Kind::slow_notifier, Kind::kill_before, Kind::kill_after};
constexpr std::array of_the_world{
    Kind::maintenance, Kind::maintenance, Kind::ban, Kind::notifier_down, Kind::owner_cancels_stop,
    Kind::owner_sells, Kind::owner_buys, Kind::half_filled_target, Kind::half_filled_target,
    Kind::new_epoch, Kind::missed_run, Kind::clock_step, Kind::clock_step,
};

Happening fault(Chance& chance, int minute) {
  Happening h{.kind = Kind::busy, .run = minute};
  if (chance.once_in(8)) {
    h.kind = chance.one_of(of_the_world);
    h.nth = 0;
    h.who = static_cast<int>(chance.below(5));
  } else {
    h.port = chance.one_of(every_port);
    h.kind = kind_at(chance, h.port);
    h.nth = h.port == Port::any ? chance.between(1, 40) : chance.between(1, chance.once_in(3) ? 6 : 2);
    h.who = chance.between(0, 3);
    if (chance.once_in(10)) h.run += 1000;
  }
  h.amount = amount_of(chance, h.kind);
  return h;
}

Kind kind_at(Chance& chance, Port port) {
  if (port == Port::any || (chance.once_in(5) && port != Port::deliver))
    return chance.one_of(of_the_process);
  switch (port) {
    case Port::any:
    case Port::acquire:
    case Port::still_held:
    case Port::claim:
    case Port::open_book:
    case Port::write:
    case Port::claim_exits:
    case Port::outbox:
    case Port::frame:
    case Port::store_other: return chance.one_of(of_the_store);
    case Port::place:
    case Port::protect:
    case Port::flatten:
    case Port::cancel: return chance.one_of(of_a_request);
    case Port::find: return chance.one_of(of_a_look_up);
    case Port::market:
    case Port::venue_other: return chance.one_of(of_a_reading);
    case Port::deliver: return chance.one_of(of_the_notifier);
  }
  return Kind::busy;
}

// Milliseconds, where it is a time.
std::int64_t amount_of(Chance& chance, Kind kind) {
  const auto one = [&](std::initializer_list<std::int64_t> all) {
    return all.begin()[chance.below(all.size())];
  };
  if (kind == Kind::pause) return one({900, 3'000, 7'000, 12'000, 31'000, 70'000, 400'000});
  // Small enough for trade to go on, or large enough that no venue takes the stamp.
  if (kind == Kind::clock_step)
    return one({-800, 800, -90'000, 90'000, -3'600'000, 3'600'000, -400'000, 400'000});
  if (kind == Kind::late) return one({200, 1'500, 3'000, 4'500, 9'000, 30'000, 58'000});
  if (kind == Kind::in_parts || kind == Kind::expires) return one({300, 2'000, 20'000, 70'000});
  if (kind == Kind::stale) return one({300, 900, 1'500});
  if (kind == Kind::slow) return one({300, 1'000, 1'900});
  if (kind == Kind::slow_notifier) return one({1'000, 6'000, 11'000});
  if (kind == Kind::maintenance || kind == Kind::ban) return one({5'000, 5'000, 40'000, 90'000, 300'000});
  if (kind == Kind::notifier_down) return one({60'000, 300'000});
  return static_cast<std::int64_t>(chance.below(1'000));
}

}  // namespace

std::string_view text(Port port) {
  constexpr std::array words{"any", "acquire", "still_held", "claim", "open_book", "write", "claim_exits",
                             "outbox", "frame", "store_other", "place", "protect", "flatten", "cancel",
                             "find", "market", "venue_other", "deliver"};
  return words[static_cast<std::size_t>(port)];
}

std::string_view text(Kind kind) {
  constexpr std::array words{
      "kill_before", "kill_after", "kill_midway", "interleave_before", "interleave_after", "steal_lock",
      "lose_lock", "pause", "sigterm", "clock_step", "busy", "answer_of_store_lost", "store_down", "lost",
      "late", "answer_lost", "throttled", "not_connected", "refused", "rejected_later", "in_parts", "twin",
      "reordered", "stored_wrong", "expires", "slow", "adapter_throws", "unread", "unread_one",
      "incomplete", "stale", "not_understood", "without_fees", "try_later", "undeliverable",
      "told_but_no_answer", "slow_notifier", "maintenance", "ban", "notifier_down", "price_jump", "signal",
      "repeat_signals", "halt", "resume", "dry_run", "settings_change", "owner_cancels_stop", "owner_sells",
      "owner_buys", "half_filled_target", "new_epoch", "missed_run", "prune"};
  return words[static_cast<std::size_t>(kind)];
}

bool is_fault(Kind kind) {
  return kind != Kind::price_jump && kind != Kind::signal && kind != Kind::repeat_signals &&
         kind != Kind::halt && kind != Kind::resume && kind != Kind::dry_run &&
         kind != Kind::settings_change && kind != Kind::prune;
}

std::string_view text(Exchange exchange) {
  constexpr std::array words{"oco_slow_window", "answers_at_once", "plain"};
  return words[static_cast<std::size_t>(exchange)];
}

std::string text(const Happening& h) {
  std::string line = "minute " + std::to_string(h.run % 1000) + (h.run >= 1000 ? " (second run)" : "");
  line += ": " + std::string{text(h.kind)};
  if (h.port != Port::any || h.nth > 1)
    line += " at " + std::string{text(h.port)} + " #" + std::to_string(h.nth);
  return line + " who=" + std::to_string(h.who) + " amount=" + std::to_string(h.amount);
}

}  // namespace tradeguard::sim
