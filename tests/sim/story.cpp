#include "story.hpp"

#include <algorithm>
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
void taught(Story& story, bool files, const Lessons& wanted);

}  // namespace

Story story_of(std::uint64_t seed, bool files, const Lessons& lessons) {
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
  taught(story, files, lessons);
  return story;
}

namespace {

std::int64_t start_of(Chance& chance) {
  using namespace std::chrono;
  // Noon, the edge of a day, of a month, of a year; a little before a full minute.
  constexpr std::array days{sys_days{year{2025} / 1 / 1}, sys_days{year{2025} / 2 / 28}, sys_days{year{2024} / 12 / 31},
                            sys_days{year{2025} / 6 / 15}};
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
    Port::any,     Port::any,         Port::any,     Port::any,     Port::any,     Port::acquire,     Port::still_held,
    Port::claim,   Port::open_book,   Port::write,   Port::write,   Port::write,   Port::claim_exits, Port::outbox,
    Port::frame,   Port::store_other, Port::place,   Port::place,   Port::place,   Port::place,       Port::place,
    Port::place,   Port::place,       Port::place,   Port::protect, Port::protect, Port::protect,     Port::protect,
    Port::protect, Port::protect,     Port::flatten, Port::flatten, Port::flatten, Port::flatten,     Port::cancel,
    Port::cancel,  Port::cancel,      Port::find,    Port::find,    Port::find,    Port::find,        Port::find,
    Port::market,  Port::venue_other, Port::deliver, Port::deliver,
};

constexpr std::array of_the_process{
    Kind::kill_before,      Kind::kill_after, Kind::kill_before, Kind::kill_after, Kind::interleave_before,
    Kind::interleave_after, Kind::steal_lock, Kind::lose_lock,   Kind::pause,      Kind::sigterm,
    Kind::clock_step,
};
constexpr std::array of_the_store{Kind::busy, Kind::answer_of_store_lost, Kind::answer_of_store_lost, Kind::store_down};
constexpr std::array of_a_request{
    Kind::lost,        Kind::lost,      Kind::late,           Kind::late,        Kind::answer_lost,
    Kind::answer_lost, Kind::throttled, Kind::not_connected,  Kind::refused,     Kind::rejected_later,
    Kind::in_parts,    Kind::in_parts,  Kind::twin,           Kind::reordered,   Kind::stored_wrong,
    Kind::expires,     Kind::slow,      Kind::adapter_throws, Kind::kill_midway,
};
constexpr std::array of_a_look_up{
    Kind::unread, Kind::unread_one,     Kind::incomplete,   Kind::incomplete, Kind::stale,
    Kind::stale,  Kind::not_understood, Kind::without_fees, Kind::slow,       Kind::adapter_throws,
};
constexpr std::array of_a_reading{Kind::unread, Kind::stale, Kind::slow};
constexpr std::array of_the_notifier{Kind::try_later,     Kind::undeliverable, Kind::told_but_no_answer,
                                     Kind::slow_notifier, Kind::kill_before,   Kind::kill_after};
constexpr std::array of_the_world{
    Kind::maintenance,        Kind::maintenance, Kind::ban,        Kind::notifier_down,
    Kind::owner_cancels_stop, Kind::owner_sells, Kind::owner_buys, Kind::half_filled_target,
    Kind::half_filled_target, Kind::new_epoch,   Kind::missed_run, Kind::clock_step,
    Kind::clock_step,
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
  if (port == Port::any || (chance.once_in(5) && port != Port::deliver)) return chance.one_of(of_the_process);
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
    case Port::store_other:
      return chance.one_of(of_the_store);
    case Port::place:
    case Port::protect:
    case Port::flatten:
    case Port::cancel:
      return chance.one_of(of_a_request);
    case Port::find:
      return chance.one_of(of_a_look_up);
    case Port::market:
    case Port::venue_other:
      return chance.one_of(of_a_reading);
    case Port::deliver:
      return chance.one_of(of_the_notifier);
  }
  return Kind::busy;
}

// ---- what the first version taught us -----------------------------------------------------------------

// One kind of fault it had, told on purpose: in the midst of everything else, or on a day that is quiet but for
// it. A stream of its own leaves the rest of each story as it was.
struct Lesson {
  std::string_view finding;
  void (*tell)(Story& story, Chance& chance, int minute);
};

void at_minute(Story& story, Kind kind, int run, int who, std::int64_t amount) {
  story.happenings.push_back({kind, run, Port::any, 0, who, amount});
}
void strikes(Story& story, Kind kind, int run, Port port, int nth, int who, std::int64_t amount) {
  story.happenings.push_back({kind, run, port, nth, who, amount});
}
int some_market(Chance& chance) { return static_cast<int>(chance.below(5)); }
std::int64_t seconds(std::int64_t n) { return n * 1000; }

constexpr std::array lessons{
    // Said after the entry was said, and before the entry was sent.
    Lesson{"F-1",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             const int age = c.between(70, 250);
             at_minute(s, Kind::buy, m, who, seconds(age));
             at_minute(s, Kind::sell, m + 1, who, seconds(c.between(62, age + 59)));
           }},
    // The sale is not sent, and before the next attempt no stop can be placed: the price is below it.
    Lesson{"F-1",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             at_minute(s, Kind::on_unprotected, 0, 0, 2);
             at_minute(s, Kind::buy, m, who, seconds(4));
             at_minute(s, Kind::owner_cancels_stop, m + 1, 0, 0);
             at_minute(s, Kind::price_jump, m + 1, who, -60);
             at_minute(s, Kind::sell, m + 2, who, seconds(2));
             strikes(s, Kind::throttled, m + 2, Port::flatten, 1, 3, 0);
           }},
    // Both in one file, with any order and also with one time.
    Lesson{"F-2",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             if (c.once_in(3)) at_minute(s, Kind::buy, m - 1, who, seconds(4));
             const int age = c.between(0, 50);
             at_minute(s, Kind::buy, m, who, seconds(age));
             at_minute(s, Kind::sell, m, who, seconds(c.once_in(4) ? age : c.between(0, 50)));
           }},
    // Two SELLs of a minute; the second one finds something.
    Lesson{"F-3",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             at_minute(s, Kind::sell, m, who, seconds(20));
             at_minute(s, Kind::buy, m, who, seconds(15));
             at_minute(s, Kind::sell, m + 1, who, seconds(c.between(61, 74)));
           }},
    // One SELL twice in one file, and another one that is not due yet.
    Lesson{"F-3",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             at_minute(s, Kind::buy, m, who, seconds(4));
             at_minute(s, Kind::sell, m + 1, who, -seconds(c.between(10, 50)));
             at_minute(s, Kind::sell, m + 1, who, seconds(2));
             at_minute(s, Kind::sell, m + 1, who, seconds(2));
           }},
    // The machine was away for minutes, or the exchange was.
    Lesson{"F-3",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             at_minute(s, Kind::buy, m, who, seconds(4));
             if (c.once_in(2)) {
               for (int i = 1; i < 7; ++i) at_minute(s, Kind::missed_run, m + i, 0, 0);
               at_minute(s, Kind::sell, m + 7, who, seconds(c.between(301, 415)));
             } else {
               at_minute(s, Kind::sell, m + 1, who, seconds(2));
               at_minute(s, Kind::maintenance, m + 1, 0, 400'000);
             }
           }},
    // Denied, then overtaken by a SELL or the operator; the file keeps it.
    Lesson{"F-4",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             s.file_grows = true;
             at_minute(s, Kind::buy, m, who, seconds(30));
             at_minute(s, Kind::buy, m + 1, who, seconds(2));
             if (c.once_in(3)) return;
             if (c.once_in(2))
               at_minute(s, Kind::sell, m + 2, who, seconds(c.between(0, 50)));
             else
               at_minute(s, Kind::flatten, m + 2, c.once_in(2) ? who : 9, 0);
           }},
    Lesson{"F-4",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             s.file_grows = true;
             at_minute(s, Kind::halt, m, 0, 0);
             at_minute(s, Kind::buy, m, who, seconds(c.between(1, 50)));
             at_minute(s, Kind::resume, m + 2, 0, 0);
           }},
    // The owner ends a stop, and for minutes the exchange takes no other.
    Lesson{"F-6",
           [](Story& s, Chance& c, int m) {
             at_minute(s, Kind::on_unprotected, 0, 0, c.between(0, 1));
             at_minute(s, Kind::buy, m, some_market(c), seconds(4));
             at_minute(s, Kind::owner_cancels_stop, m + 1, 0, 0);
             if (!c.once_in(3)) at_minute(s, Kind::stops_refused, m + 1, 0, 200'000);
           }},
    // Bought dearer than the target, or cheaper than the stop.
    Lesson{"F-7",
           [](Story& s, Chance& c, int m) {
             at_minute(s, Kind::buy_levels, m, some_market(c), seconds(2));
             strikes(s, Kind::slipped, m, Port::place, 1, 3, c.once_in(2) ? 8 : -8);
             if (c.once_in(2)) at_minute(s, Kind::price_jump, m + 2, some_market(c), c.between(-60, 60));
           }},
    // No pair for a while; then the price is at the target.
    Lesson{"F-8",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             at_minute(s, Kind::buy, m, who, seconds(4));
             at_minute(s, Kind::pairs_refused, m, 0, c.once_in(2) ? 20'000 : 600'000);
             at_minute(s, Kind::price_jump, m + c.between(1, 4), who, 60);
             if (c.once_in(3)) at_minute(s, Kind::stops_refused, m, 0, 40'000);
           }},
    // So little that the half of it is too little.
    Lesson{"F-9",
           [](Story& s, Chance& c, int m) {
             at_minute(s, Kind::buy_small, m, some_market(c), 99);
             at_minute(s, Kind::half_filled_target, m + 1, 0, c.between(300, 500));
           }},
    Lesson{"F-10",
           [](Story& s, Chance& c, int m) {
             const int who = c.once_in(2) ? 2 : some_market(c);
             at_minute(s, Kind::buy_small, m, who, c.between(80, 300));
             if (c.once_in(2)) at_minute(s, Kind::sell, m + 2, who, seconds(3));
           }},
    Lesson{"F-11",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             at_minute(s, Kind::buy, m, who, seconds(4));
             at_minute(s, Kind::tick_change, m + 1, who, 0);
             at_minute(s, Kind::owner_cancels_stop, m + c.between(1, 2), 0, 0);
           }},
    // Everything is sold by hand, and what is nothing is not listed.
    Lesson{"F-15",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             s.owner_has_coins = false;
             at_minute(s, Kind::zeros_omitted, 0, 0, 0);
             at_minute(s, Kind::buy, m, who, seconds(4));
             at_minute(s, Kind::owner_takes_all, m + 1, who, 0);
           }},
    Lesson{"F-15",
           [](Story& s, Chance& c, int m) {
             at_minute(s, Kind::zeros_omitted, 0, 0, 0);
             at_minute(s, Kind::owner_withdraws, m, 1, 0);
             at_minute(s, Kind::buy, m + c.between(0, 2), 1, seconds(4));
           }},
    // An entry that never arrives cools; so does a sale that nobody asked for.
    Lesson{"F-16",
           [](Story& s, Chance& c, int m) {
             const int who = c.between(0, 1);
             at_minute(s, Kind::buy, m, who, seconds(4));
             strikes(s, Kind::lost, m, Port::place, 1, 3, 0);
             for (int i = 1; i < 4; ++i) at_minute(s, Kind::buy, m + i, c.between(0, 1), seconds(2));
           }},
    Lesson{"F-16",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             at_minute(s, Kind::buy, m, who, seconds(4));
             at_minute(s, Kind::price_jump, m + 5, who, -60);
             for (int i = 6; i < 9; ++i) at_minute(s, Kind::buy, m + i, who, seconds(2));
           }},
    // Three sold without being asked, and a person says: go on.
    Lesson{"F-17",
           [](Story& s, Chance&, int m) {
             at_minute(s, Kind::on_unprotected, 0, 0, 1);
             for (int who : {0, 2, 3}) at_minute(s, Kind::buy, m, who, seconds(4));
             at_minute(s, Kind::stops_refused, m, 0, 200'000);
             at_minute(s, Kind::resume, m + 5, 0, 0);
             at_minute(s, Kind::buy, m + 6, 4, seconds(4));
           }},
    Lesson{"F-18",
           [](Story& s, Chance& c, int m) {
             at_minute(s, Kind::buy, m, 0, seconds(4));
             at_minute(s, Kind::buy, m, c.between(2, 4), seconds(4));
             at_minute(s, Kind::worn_out, m + 1, 0, c.once_in(2) ? 9'996 : 9'999);
             at_minute(s, Kind::owner_cancels_stop, m + 1, 0, 0);
             at_minute(s, Kind::owner_cancels_stop, m + 1, 0, 0);
           }},
    Lesson{"F-19",
           [](Story& s, Chance& c, int m) {
             at_minute(s, Kind::buy, m, 0, seconds(4));
             at_minute(s, Kind::buy, m, c.between(2, 4), seconds(4));
             at_minute(s, Kind::unreadable_row, m + 1, 0, c.between(0, 3));
             at_minute(s, Kind::owner_cancels_stop, m + 2, 0, 0);
             at_minute(s, Kind::owner_cancels_stop, m + 2, 0, 0);
           }},
    // One run believes to be a month ahead, and writes it down.
    Lesson{"F-22",
           [](Story& s, Chance& c, int m) {
             at_minute(s, Kind::on_unprotected, 0, 0, 0);
             at_minute(s, Kind::buy, m, some_market(c), seconds(4));
             at_minute(s, Kind::owner_cancels_stop, m + 1, 0, 0);
             at_minute(s, Kind::stops_refused, m + 1, 0, 900'000);
             at_minute(s, Kind::clock_ahead, m + c.between(1, 2), 0, 30LL * 24 * 3600 * 1000);
           }},
    Lesson{"F-22",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             s.file_grows = true;
             at_minute(s, Kind::buy, m, who, seconds(4));
             at_minute(s, Kind::price_jump, m + 1, who, -60);
             at_minute(s, Kind::clock_ahead, m + 1, 0, c.once_in(2) ? 30LL * 24 * 3600 * 1000 : 3600 * 1000);
             for (int i = 2; i < 9; ++i) at_minute(s, Kind::buy, m + i, who, seconds(2));
           }},
    Lesson{"F-23",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             s.ends_restored = true;
             at_minute(s, Kind::backup, m, 0, 0);
             at_minute(s, Kind::buy, m, who, seconds(4));
             at_minute(s, Kind::restore_backup, m + c.between(1, 2), 0, 0);
           }},
    // Another account of the store is given the same signals.
    Lesson{"",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             at_minute(s, Kind::other_account, m, who, seconds(4));
             at_minute(s, Kind::buy, m, who, seconds(4));
             if (c.once_in(2)) at_minute(s, Kind::flatten, m + 1, 9, 0);
             if (c.once_in(2)) at_minute(s, Kind::halt, m + 1, 0, 0);
           }},
    // A file that only grows, for its own sake.
    Lesson{"F-27", [](Story& s, Chance&, int) { s.file_grows = true; }},
    // The session ends while a run is stopped with something on the wire, and with it the lock.
    Lesson{"F-56",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             at_minute(s, Kind::buy, m, who, seconds(4));
             strikes(s, Kind::session_lost, m,
                     c.once_in(2)   ? Port::place
                     : c.once_in(2) ? Port::protect
                                    : Port::find,
                     c.between(1, 2), 0, 130'000);
             if (c.once_in(2)) at_minute(s, Kind::sell, m, who, seconds(1));
           }},
    Lesson{"F-57",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             at_minute(s, Kind::buy, m, who, seconds(4));
             strikes(s, Kind::sleeps, m, Port::protect, 1, 3, 0);
             at_minute(s, Kind::price_jump, m + 1, who, -60);
           }},
    Lesson{"F-59",
           [](Story& s, Chance& c, int m) {
             at_minute(s, Kind::buy, m, some_market(c), seconds(4));
             strikes(s, Kind::without_value, m, Port::find, c.between(1, 4), 3, c.between(0, 1));
           }},
    Lesson{"F-60",
           [](Story& s, Chance& c, int m) {
             at_minute(s, Kind::buy, m, some_market(c), seconds(4));
             strikes(s, Kind::gone_soon, m, Port::protect, 1, 3, 60);
             if (!c.once_in(2)) return;
             // No row says that there was one: the store was lost behind the entry. The next stop may not take its id.
             strikes(s, Kind::answer_of_store_lost, m, Port::write, c.between(1, 2), 1, 915);
             if (c.once_in(2)) strikes(s, Kind::not_connected, m + 1, Port::protect, 1, 3, 0);
           }},
    // Bought twice by the exchange: a CRITICAL that keeps entries of the base out for longer than the cooldown.
    Lesson{"",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             at_minute(s, Kind::buy, m, who, seconds(4));
             strikes(s, Kind::twin, m, Port::place, 1, 3, 0);
             for (int later = m + 6; later <= m + 9; ++later) at_minute(s, Kind::buy, later, who, seconds(2));
           }},
    // The operator comes between runs, and while one is at work.
    Lesson{"F-44",
           [](Story& s, Chance& c, int m) {
             const int who = some_market(c);
             at_minute(s, Kind::buy, m, who, seconds(4));
             strikes(s, Kind::operator_beside, m, Port::any, c.between(1, 30), who, c.between(0, 4));
             at_minute(s, c.once_in(2) ? Kind::flatten : Kind::release, m + 2, who, 0);
             if (c.once_in(3)) strikes(s, Kind::lost, m, Port::place, 1, 3, 0);
             at_minute(s, Kind::resolve, m + c.between(1, 4), 0, 0);
             if (c.once_in(2)) at_minute(s, Kind::buy, m + 2, c.between(0, 4), seconds(4));
           }},
};

void taught(Story& story, bool files, const Lessons& wanted) {
  Chance chance{story.seed, "taught"};
  if (!chance.once_in(2)) return;
  std::vector<const Lesson*> open;
  for (const Lesson& lesson : lessons) {
    const bool of_files = lesson.finding == "F-19" || lesson.finding == "F-23";
    if ((wanted.empty() || wanted.contains(lesson.finding)) && (files || !of_files)) open.push_back(&lesson);
  }
  if (open.empty()) return;
  if (chance.once_in(2)) std::erase_if(story.happenings, [](const Happening& h) { return is_fault(h.kind); });
  // The longest of them takes nine minutes.
  story.minutes = std::max(story.minutes, 12);
  chance.one_of(open)->tell(story, chance, chance.between(1, story.minutes - 10));
}

// Milliseconds, where it is a time.
std::int64_t amount_of(Chance& chance, Kind kind) {
  const auto one = [&](std::initializer_list<std::int64_t> all) { return all.begin()[chance.below(all.size())]; };
  if (kind == Kind::pause) return one({900, 3'000, 7'000, 12'000, 31'000, 70'000, 400'000});
  // Small enough for trade to go on, or large enough that no venue takes the stamp.
  if (kind == Kind::clock_step) return one({-800, 800, -90'000, 90'000, -3'600'000, 3'600'000, -400'000, 400'000});
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
  constexpr std::array words{"any",         "acquire", "still_held", "claim",       "open_book",   "write",
                             "claim_exits", "outbox",  "frame",      "store_other", "place",       "protect",
                             "flatten",     "cancel",  "find",       "market",      "venue_other", "deliver"};
  return words[static_cast<std::size_t>(port)];
}

std::string_view text(Kind kind) {
  constexpr std::array words{"kill_before",
                             "kill_after",
                             "kill_midway",
                             "interleave_before",
                             "interleave_after",
                             "steal_lock",
                             "lose_lock",
                             "pause",
                             "sigterm",
                             "clock_step",
                             "busy",
                             "answer_of_store_lost",
                             "store_down",
                             "lost",
                             "late",
                             "answer_lost",
                             "throttled",
                             "not_connected",
                             "refused",
                             "rejected_later",
                             "in_parts",
                             "twin",
                             "reordered",
                             "stored_wrong",
                             "expires",
                             "slow",
                             "adapter_throws",
                             "unread",
                             "unread_one",
                             "incomplete",
                             "stale",
                             "not_understood",
                             "without_fees",
                             "try_later",
                             "undeliverable",
                             "told_but_no_answer",
                             "slow_notifier",
                             "maintenance",
                             "ban",
                             "notifier_down",
                             "price_jump",
                             "signal",
                             "repeat_signals",
                             "halt",
                             "resume",
                             "dry_run",
                             "settings_change",
                             "owner_cancels_stop",
                             "owner_sells",
                             "owner_buys",
                             "half_filled_target",
                             "new_epoch",
                             "missed_run",
                             "prune",
                             "slipped",
                             "sleeps",
                             "gone_soon",
                             "without_value",
                             "session_lost",
                             "operator_beside",
                             "buy",
                             "buy_levels",
                             "buy_small",
                             "sell",
                             "flatten",
                             "release",
                             "resolve",
                             "on_unprotected",
                             "stops_refused",
                             "pairs_refused",
                             "tick_change",
                             "zeros_omitted",
                             "owner_takes_all",
                             "owner_withdraws",
                             "worn_out",
                             "clock_ahead",
                             "unreadable_row",
                             "backup",
                             "restore_backup",
                             "other_account"};
  return words[static_cast<std::size_t>(kind)];
}

bool is_fault(Kind kind) {
  return kind != Kind::price_jump && kind != Kind::signal && kind != Kind::repeat_signals && kind != Kind::halt &&
         kind != Kind::resume && kind != Kind::dry_run && kind != Kind::settings_change && kind != Kind::prune &&
         kind != Kind::buy && kind != Kind::buy_small && kind != Kind::sell && kind != Kind::flatten &&
         kind != Kind::release && kind != Kind::resolve && kind != Kind::on_unprotected && kind != Kind::backup &&
         kind != Kind::zeros_omitted && kind != Kind::other_account;
}

std::string_view text(Exchange exchange) {
  constexpr std::array words{"oco_slow_window", "answers_at_once", "plain"};
  return words[static_cast<std::size_t>(exchange)];
}

std::string text(const Happening& h) {
  std::string line = "minute " + std::to_string(h.run % 1000) + (h.run >= 1000 ? " (second run)" : "");
  line += ": " + std::string{text(h.kind)};
  if (h.port != Port::any || h.nth > 1) line += " at " + std::string{text(h.port)} + " #" + std::to_string(h.nth);
  return line + " who=" + std::to_string(h.who) + " amount=" + std::to_string(h.amount);
}

}  // namespace tradeguard::sim
