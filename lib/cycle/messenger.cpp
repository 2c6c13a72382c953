#include "messenger.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace tradeguard {

namespace {

constexpr std::size_t digest_from = 6;  // more than five waiting go out as one message
// What a message takes in every notifier without being split: a part that fails repeats no other part.
constexpr std::size_t digest_length = 3800;
constexpr int refused_long_enough = 12;  // attempts: hours, as they back off

std::string kind_of(const Notice& notice) {
  std::string kind{text(notice.type)};
  for (const auto& [key, value] : notice.facts)
    if (notice.type == NoticeType::reminder && key == "still") kind += " " + value;
  return kind;
}

std::vector<std::vector<Notice>> by_kind(std::span<const Notice> notices);
std::vector<std::vector<Notice>> by_trade(std::span<const Notice> notices);
std::string in_brief(const Notice& notice);
std::string in_short(std::span<const Notice> story);
std::string in_short(const Notice& notice);
Line tg_line(Line line, const Notice& notice);

}  // namespace

void Messenger::deliver_now(const Notice& notice) {
  if (!notice.trade.empty() && waiting_trades.contains(notice.trade)) return;
  hear(notice, notifier.deliver(notice, budget));
}

void Messenger::tell_untold() {
  for (const Notice& notice : std::exchange(untold_, {})) hear(notice, notifier.deliver(notice, budget));
}

void Messenger::deliver_ordinary(std::span<const Notice> notices, Micros until) {
  if (notifier.immediate()) {
    for (const Notice& notice : notices) deliver_alone(notice, until);
  } else if (notices.size() >= digest_from) {
    deliver_digests(notices, until);
  } else {
    // What waits of one trade is one message: its reader wants the whole story, and each message
    // costs the run an answer from far away.
    for (const auto& story : by_trade(notices)) deliver_story(story, until);
  }
}

// One after the other, and those of one kind together: ten positions without a stop are one thing to look at.
void Messenger::deliver_criticals(std::span<const Notice> notices, Micros until) {
  for (const auto& kind : by_kind(notices)) {
    std::vector<Notice> of_message;
    Notice digest{};
    std::size_t length = 0;
    const auto send = [&] {
      if (of_message.size() == 1 && clock_.elapsed() < until) {
        const Notice& alone = of_message.front();
        hear(alone, notifier.deliver(alone, until - clock_.elapsed()));
      } else if (!of_message.empty()) {
        digest.severity = Severity::critical;
        deliver_as(std::move(digest), of_message, until);
      }
      digest = {};
      of_message.clear();
      length = 0;
    };
    for (const Notice& notice : kind) {
      const std::string told = in_brief(notice);
      if (notifier.immediate() || length + told.size() > digest_length) send();
      if (of_message.empty()) digest.facts.emplace_back(all_of, kind_of(notice));
      length += told.size() + 2;
      digest.facts.emplace_back("notice", told);
      of_message.push_back(notice);
    }
    send();
  }
}

// Many trades: in as few messages as hold them.
void Messenger::deliver_digests(std::span<const Notice> notices, Micros until) {
  std::vector<Notice> of_message;
  Notice digest{};
  std::size_t length = 0;
  const auto send = [&] {
    if (of_message.empty()) return;
    if (of_message.size() == 1)
      deliver_alone(of_message.front(), until);
    else
      deliver_as(std::move(digest), of_message, until);
    digest = {};
    of_message.clear();
    length = 0;
  };
  for (const auto& story : by_trade(notices)) {
    const std::string told = story.size() == 1 ? plain_text(story.front()) : in_short(story);
    if (length + told.size() > digest_length) send();
    length += told.size() + 2;
    digest.facts.emplace_back("notice", told);
    of_message.insert(of_message.end(), story.begin(), story.end());
  }
  send();
}

void Messenger::deliver_story(std::span<const Notice> story, Micros until) {
  if (story.size() == 1) {
    deliver_alone(story.front(), until);
    return;
  }
  Notice digest{};
  digest.trade = story.front().trade;
  digest.symbol = story.front().symbol;
  for (const Notice& notice : story) digest.facts.emplace_back("notice", plain_text(notice));
  deliver_as(std::move(digest), story, until);
}

void Messenger::deliver_as(Notice digest, std::span<const Notice> notices, Micros until) {
  if (clock_.elapsed() >= until) return;
  digest.event_id = "DIGEST:" + notices.front().event_id + ":" + std::to_string(notices.size());
  digest.type = NoticeType::digest;
  digest.created_at = clock_.now;
  digest.notices.assign(notices.begin(), notices.end());
  const Delivery delivery = notifier.deliver(digest, until - clock_.elapsed());
  const auto* later = std::get_if<TryLater>(&delivery);
  const bool again =
      std::any_of(notices.begin(), notices.end(), [](const Notice& notice) { return notice.attempts >= 3; });
  if (std::holds_alternative<Undeliverable>(delivery) || (later && later->refused && again)) {
    // One that nobody takes does not spoil the others.
    for (const Notice& notice : notices) deliver_alone(notice, until);
    return;
  }
  for (const Notice& notice : notices) hear(notice, delivery);
}

void Messenger::deliver_alone(const Notice& notice, Micros until) {
  if (clock_.elapsed() >= until) return;
  const bool overtakes = notice.severity == Severity::critical;
  if (!overtakes && !notice.trade.empty() && waiting_trades.contains(notice.trade)) return;
  hear(notice, notifier.deliver(notice, until - clock_.elapsed()));
}

void Messenger::hear(const Notice& notice, const Delivery& delivery) {
  DeliveryRecord record = delivery_record(notice, delivery, clock_.now);
  const auto trace = "cycle>deliver>" + std::string{type_of(notice)};
  std::visit(
      overloaded{
          [&](const Delivered&) {
            sent += 1;
            way_refused.reset();
            something_arrived = true;
            log_.write(tg_line(Event::tg_sent, notice));
          },
          [&](const TryLater& later) {
            if (record.what == DeliveryRecord::What::delivered) {
              sent += 1;
              log_.write(tg_line(Event::tg_sent, notice).add("confirmed", 0));
              return;
            }
            if (later.refused && notice.attempts >= refused_long_enough && notice.severity != Severity::critical)
              long_refused.insert(notice.event_id);
            if (later.refused) way_refused = later.why;
            if (!notice.trade.empty()) waiting_trades.insert(notice.trade);
            log_.write(tg_line(Line{Event::tg_failed, later.refused ? Level::error : Level::warn}, notice)
                           .add("error", later.why)
                           .add("stack", trace));
          },
          [&](const Undeliverable& refused) {
            undeliverable = notice.event_id + ": " + refused.why;
            log_.write(
                tg_line(Line{Event::tg_failed, Level::error}, notice).add("error", refused.why).add("stack", trace));
          },
      },
      delivery);
  delivered.push_back(std::move(record));
}

namespace {

// CRITICALs only, in the order in which each kind is first spoken of. A reminder is of the kind it reminds of.
std::vector<std::vector<Notice>> by_kind(std::span<const Notice> notices) {
  std::vector<std::vector<Notice>> kinds;
  std::map<std::string, std::size_t> known;
  for (const Notice& notice : notices) {
    if (notice.severity != Severity::critical) continue;
    const auto [place, is_new] = known.emplace(kind_of(notice), kinds.size());
    if (is_new) kinds.emplace_back();
    kinds[place->second].push_back(notice);
  }
  return kinds;
}

std::string in_brief(const Notice& notice) {
  std::string out = notice.symbol.empty() ? std::string{text(notice.type)} : notice.symbol;
  if (notice.side) out.append(" ").append(text(*notice.side));
  std::string told;
  for (const auto& [key, value] : notice.facts)
    if (!value.empty()) told.append(told.empty() ? "" : ", ").append(key).append(" ").append(value);
  std::replace(told.begin(), told.end(), '\n', ' ');
  return out + (told.empty() ? "" : "\n" + told) + "\nevent: " + notice.event_id;
}

// In the order in which each trade is first spoken of; what is of no trade stands alone.
std::vector<std::vector<Notice>> by_trade(std::span<const Notice> notices) {
  std::vector<std::vector<Notice>> stories;
  std::map<ClientOrderId, std::size_t> known;
  for (const Notice& notice : notices) {
    if (!notice.trade.empty()) {
      const auto [place, is_new] = known.emplace(notice.trade, stories.size());
      if (!is_new) {
        stories[place->second].push_back(notice);
        continue;
      }
    }
    stories.push_back({notice});
  }
  return stories;
}

// A trade in two lines: after a busy minute a hundred of them have to fit into few messages. The id of an
// event is its type and the trade's id.
std::string in_short(std::span<const Notice> story) {
  const auto side = std::find_if(story.begin(), story.end(), [](const Notice& n) { return n.side; });
  std::string out = story.front().symbol;
  if (side != story.end()) out.append(" ").append(text(*side->side));
  const bool filled = std::any_of(story.begin(), story.end(),
                                  [](const Notice& notice) { return notice.type == NoticeType::order_filled; });
  std::string told;
  for (const Notice& notice : story)
    if (notice.type != NoticeType::order_created || !filled) told += (told.empty() ? " " : ", ") + in_short(notice);
  return out + told + "\nevent: " + story.front().trade + ", " + std::to_string(story.size()) + " notices";
}

std::string in_short(const Notice& notice) {
  const auto fact = [&](std::string_view key) {
    for (const auto& [name, value] : notice.facts)
      if (name == key) return value;
    return std::string{"?"};
  };
  if (notice.type == NoticeType::order_created) return fact("quantity") + " ordered";
  if (notice.type == NoticeType::order_filled)
    return (fact("filled") == fact("of") ? "" : "of " + fact("of") + " only ") + fact("filled") + " at " +
           fact("average price");
  if (notice.type == NoticeType::sltp_created) return "stop " + fact("stop") + ", target " + fact("target");
  std::string out{type_of(notice)};
  std::replace(out.begin(), out.end(), '_', ' ');
  for (const auto& [key, value] : notice.facts) out.append(", ").append(key).append(" ").append(value);
  std::replace(out.begin(), out.end(), '\n', ' ');
  return out;
}

Line tg_line(Line line, const Notice& notice) {
  line.add("type", type_of(notice));
  line.add("symbol", notice.symbol.empty() ? "-" : notice.symbol);
  line.add("order_id", notice.order_id.empty() ? "-" : notice.order_id);
  if (notice.side) line.add("side", text(*notice.side));
  line.debug("event_id", notice.event_id);
  line.debug("attempt", notice.attempts + 1);
  return line;
}

}  // namespace

}  // namespace tradeguard
