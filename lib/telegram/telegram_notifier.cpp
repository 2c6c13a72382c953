#include "tradeguard/telegram_notifier.hpp"

#include <algorithm>
#include <exception>
#include <limits>

#include "telegram_wire.hpp"

namespace tradeguard {

namespace {

using namespace telegram;

// One answer that does not come leaves time for another notice in the same run.
constexpr Micros longest_patience = 5s;
constexpr Micros soon = 1s;

}  // namespace

class TelegramNotifier::Desk {
 public:
  Desk(HttpTransport& transport, Secret token, TelegramSettings settings, Clock& clock)
      : transport_{transport},
        token_{std::move(token)},
        address_{std::move(settings.chat_id), settings.topic},
        clock_{clock} {}

  Delivery deliver(const Notice& notice, Micros budget);
  const std::optional<std::string>& migrated_to() const { return migrated_to_; }

 private:
  Delivery tell(const Message& message, Micros end);
  Answer send(const Message& message, Markup markup, Micros patience);

  HttpTransport& transport_;
  Secret token_;
  Address address_;
  Clock& clock_;
  std::optional<std::string> migrated_to_;
};

std::vector<RateLimit> telegram_limits(Micros pace) {
  if (pace > Micros{0}) return {{std::string{chat_limit}, 1, pace}};
  return {{std::string{chat_limit}, std::numeric_limits<int>::max(), Micros{1}}};
}

TelegramNotifier::TelegramNotifier(HttpTransport& transport, Secret token,
                                   TelegramSettings settings, Clock& clock)
    : desk_{std::make_unique<Desk>(transport, std::move(token), std::move(settings), clock)} {}

TelegramNotifier::~TelegramNotifier() = default;

Delivery TelegramNotifier::deliver(const Notice& notice, Micros budget) noexcept {
  try {
    return desk_->deliver(notice, budget);
  } catch (const std::exception&) {
    // The exception's own words are not repeated: nobody promises that they hold no token.
    return TryLater{soon, "telling Telegram was broken off"};
  }
}

std::optional<std::string> TelegramNotifier::migrated_to() const { return desk_->migrated_to(); }

Delivery TelegramNotifier::Desk::deliver(const Notice& notice, Micros budget) {
  if (!is_token(token_.reveal())) return Undeliverable{"the Telegram token has no token's form"};
  const Micros end = clock_.monotonic() + budget;
  // One after the other: sent together they would arrive in any order.
  for (const Message& message : messages_of(notice)) {
    Delivery delivery = tell(message, end);
    if (!std::holds_alternative<Delivered>(delivery)) return delivery;
  }
  return Delivered{};
}

// Sends again only what was refused for a reason that has a remedy, and each remedy once.
Delivery TelegramNotifier::Desk::tell(const Message& message, Micros end) {
  Markup markup = Markup::html;
  bool moved = false;
  for (;;) {
    const Micros left = end - clock_.monotonic();
    if (left <= Micros{0}) return TryLater{soon, "no time was left for telling Telegram"};
    const auto answer = send(message, markup, std::min(left, longest_patience));
    const auto done =
        std::visit(overloaded{
                       [](const Delivered& told) -> std::optional<Delivery> { return told; },
                       [](const TryLater& later) -> std::optional<Delivery> { return later; },
                       [](const Undeliverable& never) -> std::optional<Delivery> { return never; },
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
                         if (!address_.topic) return Undeliverable{gone.why};
                         address_.topic.reset();  // for the rest of this run
                         return std::nullopt;
                       },
                   },
                   answer);
    if (done) return *done;
  }
}

Answer TelegramNotifier::Desk::send(const Message& message, Markup markup, Micros patience) {
  HttpRequest request = build_message(address_, message, markup, token_.reveal());
  const auto results = transport_.exchange({&request, 1}, patience);
  wipe(request.target);
  return read_answer(results.at(0), token_.reveal());
}

}  // namespace tradeguard
