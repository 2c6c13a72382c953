#include "ground.hpp"

namespace tradeguard::fake {

const std::map<std::string, std::string>& Settings::defaults() {
  static const std::map<std::string, std::string> all{
      {"enforce_limits", "0"},  // too much is answered 429; counted it always is
      {"latency_ms", "0"},      // from a request to its answer, of both exchanges
      {"telegram_latency_ms", "0"},
      {"look_after_ms", "0"},         // an accepted order is PENDING this long (Crypto.com)
      {"fill_after_ms", "0"},         // an order that meets the market fills this much later
      {"visible_after_ms", "0"},      // reads lag this much behind
      {"late_refusals", "0"},         // funds and triggers are judged after the answer: REJECTED
      {"dup_check", "all"},           // Crypto.com: all | open | none
      {"ids_with_refusal", "306"},    // Crypto.com: codes that come with an order id
      {"notfound_http", "404"},       // of 40401
      {"error_http", "0"},            // of every Crypto.com error; 0: as usual
      {"scalars", "number"},          // Crypto.com: code, id and times as number | text
      {"list_id", "number"},          // Crypto.com: number | text
      {"zero_balances", "1"},         // Crypto.com: currencies of which there is none are listed
      {"both_books", "0"},            // Crypto.com: an open order is in both lists, under one id
      {"notfound_code", "40401"},     // Crypto.com: what a detail answers of no order; 212, 316
      {"fired_in_lists", "0"},        // Crypto.com: a fired trigger is listed under its second id too
      {"triggers_shown", "PENDING"},  // Crypto.com: PENDING | ACTIVE | UNTRIGGERED
      {"sibling_shown", "EXPIRED"},   // Binance: the leg that the other one ended: EXPIRED | CANCELED
      {"ban_after", "0"},             // Binance: 418 after so many 429; 0: never
      {"group_chats", ""},            // Telegram: chat ids known besides the usual one, a,b
  };
  return all;
}

bool Settings::set(const std::string& name, const std::string& value) {
  const auto found = values_.find(name);
  if (found == values_.end()) return false;
  found->second = value;
  return true;
}

bool Window::over(Micros now, std::int64_t weight) {
  const bool too_much = used(now) + weight > limit_;
  seen_.emplace_back(now, weight);
  used_ += weight;
  return too_much;
}

std::int64_t Window::used(Micros now) {
  while (!seen_.empty() && seen_.front().first + span_ <= now) {
    used_ -= seen_.front().second;
    seen_.pop_front();
  }
  return used_;
}

void Window::take_back(std::int64_t weight) {
  if (seen_.empty()) return;
  seen_.back().second -= weight;
  used_ -= weight;
}

}  // namespace tradeguard::fake
