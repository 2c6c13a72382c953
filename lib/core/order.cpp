#include "tradeguard/order.hpp"

#include <array>
#include <stdexcept>

namespace tradeguard {
namespace {

template <class Enum, std::size_t n>
std::optional<Enum> parse_among(const std::array<Enum, n>& all, std::string_view wanted) {
  for (const auto value : all)
    if (text(value) == wanted) return value;
  return std::nullopt;
}

constexpr std::array every_exit_reason{ExitReason::unprotected, ExitReason::breached, ExitReason::operator_,
                                       ExitReason::signal,      ExitReason::target,   ExitReason::remainder};

std::vector<std::string_view> words_of(bool (*which)(const Word<ExitReason>&)) {
  std::vector<std::string_view> words;
  for (const ExitReason reason : every_exit_reason)
    if (which(reason)) words.push_back(text(reason));
  return words;
}

// FNV-1a: xor a byte in, multiply by the prime, modulo 2^64 or 2^128. Both are fixed for good:
// stored ids and other processes' locks depend on every bit.
std::uint64_t fnv1a_64(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

__extension__ using Hash128 = unsigned __int128;

Hash128 fnv1a_128(std::string_view bytes) {
  constexpr Hash128 offset = Hash128{0x6c62272e07bb0142U} << 64 | 0x62b821756295c58dU;
  constexpr Hash128 prime = Hash128{0x0000000001000000U} << 64 | 0x000000000000013bU;
  Hash128 hash = offset;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * prime;
  return hash;
}

// "5:paper": with its length in front, where a field ends does not depend on what is in it.
void append_field(std::string& bytes, std::string_view field) {
  bytes.append(std::to_string(field.size())).append(":").append(field);
}

// 26 digits of five bits, the highest first; 26 * 5 = 130 holds all 128.
std::string base32(Hash128 hash) {
  constexpr std::string_view digits = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string reversed;
  for (int i = 0; i < 26; ++i, hash >>= 5) reversed += digits[static_cast<std::size_t>(hash & 31U)];
  return {reversed.rbegin(), reversed.rend()};
}

std::string hex(Hash128 hash) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string reversed;
  for (int i = 0; i < 32; ++i, hash >>= 4) reversed += digits[static_cast<std::size_t>(hash & 15U)];
  return {reversed.rbegin(), reversed.rend()};
}

char letter(Leg leg) {
  switch (leg) {
    case Leg::entry:
      return 'e';
    case Leg::stop:
      return 's';
    case Leg::target:
      return 't';
    case Leg::exit:
      return 'x';
  }
  return '?';
}

// With one more digit the id would have 37 characters: from there on the number stands in the hash alone,
// and the place where it was reads 0, which is nobody's number.
constexpr int most_shown_attempts = 9999;

// What the venue leaves out contradicts nothing: to take such an order back and place it again would
// leave the same order there, and a spell without a stop between them.
bool same_level(const std::optional<Price>& planned, const std::optional<Price>& seen) {
  return planned && (!seen || *planned == *seen);
}

}  // namespace

std::string_view text(Leg leg) {
  switch (leg) {
    case Leg::entry:
      return "entry";
    case Leg::stop:
      return "stop";
    case Leg::target:
      return "target";
    case Leg::exit:
      return "exit";
  }
  return "";
}

std::string_view text(OrderType type) {
  switch (type) {
    case OrderType::market:
      return "market";
    case OrderType::stop_market:
      return "stop_market";
    case OrderType::stop_limit:
      return "stop_limit";
    case OrderType::limit:
      return "limit";
  }
  return "";
}

std::string_view text(OrderState state) {
  switch (state) {
    case OrderState::claimed:
      return "claimed";
    case OrderState::placed:
      return "placed";
    case OrderState::closed:
      return "closed";
    case OrderState::refused:
      return "refused";
    case OrderState::lapsed:
      return "lapsed";
  }
  return "";
}

std::string_view text(VenueStatus status) {
  switch (status) {
    case VenueStatus::open:
      return "open";
    case VenueStatus::filled:
      return "filled";
    case VenueStatus::cancelled:
      return "cancelled";
    case VenueStatus::expired:
      return "expired";
    case VenueStatus::rejected:
      return "rejected";
    case VenueStatus::unknown:
      return "unknown";
  }
  return "";
}

std::optional<Leg> parse_leg(std::string_view text) {
  return parse_among(std::array{Leg::entry, Leg::stop, Leg::target, Leg::exit}, text);
}

std::optional<OrderType> parse_order_type(std::string_view text) {
  return parse_among(std::array{OrderType::market, OrderType::stop_market, OrderType::stop_limit, OrderType::limit},
                     text);
}

std::optional<OrderState> parse_order_state(std::string_view text) {
  return parse_among(
      std::array{OrderState::claimed, OrderState::placed, OrderState::closed, OrderState::refused, OrderState::lapsed},
      text);
}

std::string_view text(Ending ending) {
  switch (ending) {
    case Ending::unsent:
      return "unsent";
    case Ending::absent:
      return "absent";
    case Ending::refused:
      return "refused";
    case Ending::rejected:
      return "rejected";
    case Ending::ended:
      return "ended";
  }
  return "";
}

std::string_view text(ExitReason reason) {
  switch (reason) {
    case ExitReason::signal:
      return "signal";
    case ExitReason::operator_:
      return "operator";
    case ExitReason::target:
      return "target";
    case ExitReason::remainder:
      return "remainder";
    case ExitReason::breached:
      return "breached";
    case ExitReason::unprotected:
      return "unprotected";
  }
  return "";
}

std::optional<Ending> parse_word(std::string_view word, Ending) {
  return parse_among(std::array{Ending::unsent, Ending::absent, Ending::refused, Ending::rejected, Ending::ended},
                     word);
}

std::optional<ExitReason> parse_word(std::string_view word, ExitReason) { return parse_among(every_exit_reason, word); }

bool is_forced(const Word<ExitReason>& reason) { return reason == ExitReason::operator_ || is_flattening(reason); }

bool is_flattening(const Word<ExitReason>& reason) {
  return reason == ExitReason::unprotected || reason == ExitReason::breached;
}

std::vector<std::string_view> forced_words() { return words_of(is_forced); }
std::vector<std::string_view> flattening_words() { return words_of(is_flattening); }

ClientOrderId client_order_id(const AccountKey& account, std::string_view of, Leg leg, int attempt) {
  if (attempt < 1) throw std::out_of_range{"an order's attempts are counted from 1"};
  std::string bytes;
  append_field(bytes, account.venue);
  append_field(bytes, account.account);
  append_field(bytes, of);
  append_field(bytes, text(leg));
  append_field(bytes, std::to_string(attempt));
  ClientOrderId id{client_id_prefix};
  const int shown = attempt > most_shown_attempts ? 0 : attempt;
  return id.append(1, letter(leg)).append(std::to_string(shown)) + "-" + base32(fnv1a_128(bytes));
}

std::string_view text(ClientIdForm form) {
  switch (form) {
    case ClientIdForm::tg36:
      return "tg36";
    case ClientIdForm::alnum32:
      return "alnum32";
    case ClientIdForm::hex32:
      return "hex32";
    case ClientIdForm::uuid:
      return "uuid";
    case ClientIdForm::digits18:
      return "digits18";
    case ClientIdForm::int45:
      return "int45";
  }
  return "";
}

std::optional<ClientIdForm> parse_client_id_form(std::string_view given) {
  for (const ClientIdForm form : {ClientIdForm::tg36, ClientIdForm::alnum32, ClientIdForm::hex32, ClientIdForm::uuid,
                                  ClientIdForm::digits18, ClientIdForm::int45})
    if (text(form) == given) return form;
  return std::nullopt;
}

std::string wire_id(const ClientOrderId& id, ClientIdForm form) {
  const Hash128 hash = fnv1a_128(id);
  switch (form) {
    case ClientIdForm::tg36:
      return id;
    case ClientIdForm::alnum32:
      return "tg" + base32(hash);
    case ClientIdForm::hex32:
      return hex(hash);
    case ClientIdForm::uuid: {
      // Version 8 is for whoever makes his own; the variant's two bits are 10.
      std::string digits = hex(hash);
      digits[12] = '8';
      digits[16] = "89ab"[static_cast<std::size_t>((hash >> 60) & 3U)];
      for (const std::size_t dash : {20U, 16U, 12U, 8U}) digits.insert(dash, 1, '-');
      return digits;
    }
    case ClientIdForm::digits18: {
      constexpr std::uint64_t end = 1'000'000'000'000'000'000U;
      return std::to_string(static_cast<std::uint64_t>(hash % (end - 1)) + 1);
    }
    case ClientIdForm::int45: {
      constexpr std::uint64_t end = std::uint64_t{1} << 45U;
      return std::to_string(static_cast<std::uint64_t>(hash % (end - 1)) + 1);
    }
  }
  return id;
}

std::int64_t lock_key(const AccountKey& account) {
  const auto hash = fnv1a_64("tradeguard/" + account.venue + "/" + account.account);
  return static_cast<std::int64_t>(hash & 0x7fffffffffffffffU);
}

bool is_identity_only(const Order& order) { return order.leg == Leg::entry && order.side == Side::sell; }

bool sighted_as_planned(const Order& order, const Sighting& sighting) {
  if (sighting.status != VenueStatus::open) return false;
  if (sighting.symbol != order.symbol || sighting.side != order.side) return false;
  if (sighting.type != order.type || sighting.quantity != order.quantity) return false;
  switch (order.type) {
    case OrderType::market:
      return true;
    case OrderType::limit:
      return same_level(order.price, sighting.price);
    case OrderType::stop_market:
      return same_level(order.trigger, sighting.trigger);
    case OrderType::stop_limit:
      return same_level(order.trigger, sighting.trigger) && same_level(order.price, sighting.price);
  }
  return false;
}

}  // namespace tradeguard
