#include "tradeguard/sender.hpp"

#include <algorithm>

#include "tradeguard/secret.hpp"

namespace tradeguard::exchange {
namespace {

constexpr Micros send_margin = 2s;  // before valid_until

// From behind the mark to the end of what may stand in a signature.
std::string_view behind(std::string_view text, std::string_view mark) {
  const auto at = mark.empty() ? std::string_view::npos : text.find(mark);
  if (at == std::string_view::npos) return {};
  const auto rest = text.substr(at + mark.size());
  return rest.substr(0, std::min(rest.find_first_of("&\""), rest.size()));
}

}  // namespace

std::vector<HttpResult> Sender::exchange(std::vector<HttpRequest>& requests) {
  if (requests.empty()) return {};
  if (!settings_.paced)
    for (HttpRequest& request : requests) request.limit.clear();
  std::vector<HttpResult> results;
  if (const auto why = silence_.why())
    results.assign(requests.size(), tl::unexpected{HttpFailure{false, why->what}});
  else
    results = transport_.exchange(requests, settings_.patience);
  while (results.size() < requests.size()) results.emplace_back(tl::unexpect, HttpFailure{true, "no answer"});
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (results[i]) {
      if (settings_.time_from_dates) narrow(*results[i]);
      blot_out(requests[i], *results[i]);
    }
    wipe(requests[i].body);
  }
  return results;
}

void Sender::note(const HttpRequest& request, const Heard& heard) {
  const Ruling& ruling = heard.ruling;
  if (ruling.hush.length > Micros{0}) {
    orders_quiet_until_ = std::max(orders_quiet_until_, clock_.monotonic() + ruling.hush.length);
    if (!ruling.hush.orders_only) silence_.asked(ruling.hush.length, std::to_string(ruling.http));
  }
  if (!ruling.hush.not_served.empty()) silence_.not_served(ruling.hush.not_served);
  // One that is learned from dates is right again with the next answer.
  if (ruling.fate == Fate::clock && !settings_.time_from_dates) offset_.reset();
  for (const Oddity& oddity : heard.oddities)
    log_.write(Line{Event::venue_answer}
                   .add("path", std::string_view{request.target}.substr(0, request.target.find('?')))
                   .add("http", std::int64_t{oddity.http})
                   .add("code", oddity.code.empty() ? "-" : oddity.code)
                   .add("text", oddity.text));
}

std::optional<Unsent> Sender::held_back(const Order& order) const {
  if (const auto why = mute()) return Unsent{Unsent::Why::throttled, why->what};
  if (clock_.monotonic() < orders_quiet_until_)
    return Unsent{Unsent::Why::throttled, "the exchange asked to wait with new orders"};
  if (now() > order.valid_until - send_margin)
    return Unsent{Unsent::Why::too_late, "too late to arrive before its time is over"};
  return std::nullopt;
}

// The exchange's clock stood somewhere in the second its Date names, at some moment between sending and answer.
// Each answer narrows that down, and the middle is the estimate.
void Sender::narrow(const HttpResponse& response) {
  const auto date = http_date(response);
  if (!date) return;
  const Micros lowest = *date - response.answered;
  const Micros highest = *date + 1s - response.sent;
  if (lowest > highest) return;
  const bool agrees = offset_ && lowest <= highest_offset_ && lowest_offset_ <= highest;
  // Where they contradict, one of the clocks was set: only the newest counts.
  lowest_offset_ = agrees ? std::max(lowest_offset_, lowest) : lowest;
  highest_offset_ = agrees ? std::min(highest_offset_, highest) : highest;
  // Clocks that may agree are taken to agree: the middle of a second would differ from run to run, and
  // a later run's sighting must not look older than an earlier one's.
  const bool may_agree = lowest_offset_ <= Micros{0} && Micros{0} <= highest_offset_;
  offset_ = may_agree ? Micros{0} : (lowest_offset_ + highest_offset_) / 2;
}

// An error may show the request it is about, and what an answer says is logged, stored and reported.
void Sender::blot_out(const HttpRequest& request, HttpResponse& response) const {
  constexpr std::string_view blot = "***";
  constexpr std::size_t shortest = 16;  // a shorter text may be a word of the answer itself
  const std::string_view mark = settings_.signature_mark;
  for (const auto secret : {settings_.api_key, behind(request.target, mark), behind(request.body, mark)}) {
    if (secret.size() < shortest) continue;
    for (auto at = response.body.find(secret); at != std::string::npos;
         at = response.body.find(secret, at + blot.size()))
      response.body.replace(at, secret.size(), blot);
  }
}

}  // namespace tradeguard::exchange
