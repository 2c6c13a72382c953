#include "tradeguard/telegram_notifier.hpp"

#include <algorithm>
#include <exception>
#include <limits>

#include "telegram_wire.hpp"

namespace tradeguard {

namespace {

using namespace telegram;

constexpr Micros soon = 1s;
constexpr Micros longest_silence = 1h;  // that is believed

}  // namespace

class TelegramNotifier::Impl {
 public:
  Impl(HttpTransport& transport, Secret token, TelegramSettings settings, Clock& clock)
      : transport_{transport},
        token_{std::move(token)},
        address_{std::move(settings.chat_id), settings.topic},
        clock_{clock} {}

  Delivery deliver(const Notice& notice, Micros budget);
  const std::optional<std::string>& migrated_to() const { return migrated_to_; }
  const std::optional<std::string>& topic_refused() const { return topic_refused_; }
  const std::optional<Instant>& quiet_until() const { return quiet_until_; }
  void keep_quiet(Instant until) {
    if (until <= clock_.now() || until > clock_.now() + longest_silence) return;
    if (!quiet_until_ || *quiet_until_ < until) quiet_until_ = until;
  }

 private:
  Delivery tell(const Message& message, Micros end);
  Answer send(const Message& message, Markup markup, Micros patience);

  HttpTransport& transport_;
  Secret token_;
  Address address_;
  Clock& clock_;
  std::optional<std::string> migrated_to_;
  std::optional<std::string> topic_refused_;
  std::optional<Instant> quiet_until_;
};

std::vector<RateLimit> telegram_limits(Micros pace) {
  if (pace > Micros{0}) return {{std::string{chat_limit}, 1, pace}};
  return {{std::string{chat_limit}, std::numeric_limits<int>::max(), Micros{1}}};
}

TelegramNotifier::TelegramNotifier(HttpTransport& transport, Secret token, TelegramSettings settings, Clock& clock)
    : impl_{std::make_unique<Impl>(transport, std::move(token), std::move(settings), clock)} {}

TelegramNotifier::~TelegramNotifier() = default;

Delivery TelegramNotifier::deliver(const Notice& notice, Micros budget) noexcept {
  try {
    return impl_->deliver(notice, budget);
  } catch (const std::exception&) {
    // The exception's own words are not repeated: nobody promises that they hold no token.
    return TryLater{soon, "telling Telegram was broken off"};
  }
}

std::optional<std::string> TelegramNotifier::migrated_to() const { return impl_->migrated_to(); }
std::optional<std::string> TelegramNotifier::topic_refused() const { return impl_->topic_refused(); }
std::optional<Instant> TelegramNotifier::quiet_until() const { return impl_->quiet_until(); }
void TelegramNotifier::keep_quiet(Instant until) { impl_->keep_quiet(until); }

Delivery TelegramNotifier::Impl::deliver(const Notice& notice, Micros budget) {
  if (!is_token(token_.reveal()))
    return TryLater{30s, "the Telegram token is malformed; copy it again from BotFather", true, false};
  const Micros end = clock_.monotonic() + budget;
  // One after the other: sent together they would arrive in any order.
  for (const Message& message : messages_of(notice)) {
    Delivery delivery = tell(message, end);
    if (!std::holds_alternative<Delivered>(delivery)) return delivery;
  }
  return Delivered{};
}

// Sends again only what was refused for a reason that has a remedy, and each remedy once.
Delivery TelegramNotifier::Impl::tell(const Message& message, Micros end) {
  Markup markup = Markup::html;
  bool moved = false;
  for (;;) {
    const Micros left = end - clock_.monotonic();
    if (left <= Micros{0}) return TryLater{soon, "no time was left for telling Telegram"};
    if (const Instant now = clock_.now(); quiet_until_ && now < *quiet_until_)
      return TryLater{*quiet_until_ - now, "Telegram asked to wait until " + iso_seconds(*quiet_until_) + "Z"};
    // All the time there is: who gives up before Telegram answers tells everything twice.
    const auto answer = send(message, markup, left);
    const auto done = std::visit(overloaded{
                                     [](const Delivered& told) -> std::optional<Delivery> { return told; },
                                     [](const TryLater& later) -> std::optional<Delivery> { return later; },
                                     [](const Undeliverable& never) -> std::optional<Delivery> { return never; },
                                     [&](const AskedToWait& wait) -> std::optional<Delivery> {
                                       keep_quiet(clock_.now() + wait.after);
                                       return TryLater{wait.after, wait.why};
                                     },
                                     [&](const MovedTo& there) -> std::optional<Delivery> {
                                       if (moved) return TryLater{30s, "the Telegram group moved twice at once"};
                                       moved = true;
                                       address_.chat_id = there.chat_id;
                                       migrated_to_ = there.chat_id;
                                       return std::nullopt;
                                     },
                                     [&](const MarkupRefused& refused) -> std::optional<Delivery> {
                                       if (markup == Markup::none) return Undeliverable{refused.why};
                                       markup = Markup::none;
                                       return std::nullopt;
                                     },
                                     [&](const ThreadGone& gone) -> std::optional<Delivery> {
                                       if (!address_.topic || *address_.topic == 1)
                                         return TryLater{30s, gone.why, true, false};
                                       address_.topic.reset();  // for the rest of this run
                                       topic_refused_ = gone.why;
                                       return std::nullopt;
                                     },
                                 },
                                 answer);
    if (done) return *done;
  }
}

Answer TelegramNotifier::Impl::send(const Message& message, Markup markup, Micros patience) {
  HttpRequest request = build_message(address_, message, markup, token_.reveal());
  const auto results = transport_.exchange({&request, 1}, patience);
  wipe(request.target);
  return read_answer(results.at(0), token_.reveal());
}

}  // namespace tradeguard
