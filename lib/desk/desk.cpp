#include "tradeguard/desk.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "impl.hpp"
#include "rows.hpp"
#include "tradeguard/guard_lines.hpp"
#include "tradeguard/order_state.hpp"
#include "wish.hpp"

namespace tradeguard {

namespace {

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::string this_machine() {
  std::string name(256, '\0');
  if (::gethostname(name.data(), name.size() - 1) != 0) return "?";
  return name.substr(0, name.find('\0'));
}

}  // namespace

// ---- the desk, for its users ----

Desk::Desk(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Desk::~Desk() = default;

Result<std::unique_ptr<Desk>> Desk::open(OpenStore connect, const AccountKey& account, Settings settings,
                                         Clock& clock) {
  if (!is_name(account.venue) || !is_name(account.account))
    return failed(Fault::configuration, "venue and account are names of 1 to 32 of a-z, 0-9 and hyphen");
  auto impl = std::make_unique<Impl>(std::move(connect), account, std::move(settings), clock);
  if (auto begun = impl->begin(); !begun) return relayed(begun, "opening a desk");
  return std::unique_ptr<Desk>{new Desk{std::move(impl)}};
}

ClaimAnswer Desk::claim(const Wish& wish) { return impl_->claim(wish); }
Result<void> Desk::settle(const ClientOrderId& id, const PlaceOutcome& outcome) { return impl_->settle(id, outcome); }
Result<void> Desk::filled(const ClientOrderId& id, const Fill& fill) { return impl_->filled(id, fill); }
Result<void> Desk::closed(const ClientOrderId& id, const Closed& sale) { return impl_->closed(id, sale); }
Result<std::vector<Trade>> Desk::open_trades() { return impl_->open_trades(); }
Result<Tended> Desk::tend(const LookUp& look_up) { return impl_->tend(look_up); }

std::string_view text(NotClaimed::Why why) {
  switch (why) {
    case NotClaimed::Why::duplicate:
      return "duplicate";
    case NotClaimed::Why::cooling:
      return "cooling";
    case NotClaimed::Why::denied:
      return "denied";
    case NotClaimed::Why::wrong:
      return "wrong";
    case NotClaimed::Why::busy:
      return "busy";
    case NotClaimed::Why::unreachable:
      return "unreachable";
    case NotClaimed::Why::held_elsewhere:
      return "held_elsewhere";
    case NotClaimed::Why::forked:
      return "forked";
  }
  return "";
}

// ---- its session ----

Desk::Impl::Impl(OpenStore connect, AccountKey account, Settings settings, Clock& clock)
    : connect_{std::move(connect)},
      key_{std::move(account)},
      settings_{std::move(settings)},
      clock_{clock},
      process_{::getpid()},
      claimer_{this_machine() + ":" + std::to_string(process_) + ":" + std::to_string(to_micros(clock.now())) + ":" +
               std::to_string(clock.monotonic().count()) + ":"} {}

// A fork has a copy of the session, which is the parent's to close: a database takes the last one who leaves for
// the last one there is.
Desk::Impl::~Impl() {
  if (is_fork()) static_cast<void>(session_.release());
}

bool Desk::Impl::is_fork() const { return ::getpid() != process_; }

Result<void> Desk::Impl::begin() {
  return in_turn([](Account&) { return Result<void>{}; });
}

Result<Account*> Desk::Impl::ready() {
  if (session_) {
    // A lock that was lost without a word is nobody's to write under.
    if (!session_->lease) return session_->account.get();
    const auto held = session_->lease->still_held();
    if (held && *held) return session_->account.get();
    session_.reset();
    if (!held && held.error().fault == Fault::unreachable) return failed(Fault::unreachable, held.error().what);
  }
  auto store = connect_();
  if (!store) return relayed(store, "connecting to the store");
  auto session = std::make_unique<Session>();
  session->store = std::move(*store);
  session->account = session->store->open(key_);
  if (settings_.sharing == Sharing::exclusive) {
    auto acquired = session->account->acquire();
    if (!acquired) return relayed(acquired, "taking the run lock");
    if (std::holds_alternative<HeldElsewhere>(*acquired))
      return failed(Fault::fenced, "another process has the run lock of " + key_.venue + "/" + key_.account);
    session->lease.emplace(std::move(std::get<RunLease>(*acquired)));
  }
  if (auto looked = look_at_epoch(*session->account); !looked) return relayed(looked, "looking at the store's epoch");
  session_ = std::move(session);
  return session_->account.get();
}

// A store that was restored or promoted may not know what was sent, and one that is new knows nothing of before it was
// made: what was said before is not entered.
Result<void> Desk::Impl::look_at_epoch(Account& account) {
  const Instant now = clock_.now();
  auto book = account.journal().open_book(now);
  if (!book) return relayed(book);
  const AccountState& state = book->account;
  const bool too_far_ahead = state.entries_after && is_ahead(*state.entries_after, 1min, now);
  if (state.known_epoch && *state.known_epoch == state.epoch && !too_far_ahead) return {};
  const bool seen_from_its_making = !state.known_epoch && state.store_made_at && *state.store_made_at <= now;
  const Instant after = seen_from_its_making ? *state.store_made_at : now;
  if (auto accepted = account.journal().accept_epoch(state.venue_account_id, after); !accepted)
    return relayed(accepted);
  say(Line{Event::new_epoch}.add("entries_after", iso_micros(after)));
  return {};
}

void Desk::Impl::say(const Line& line) const {
  if (settings_.log != nullptr) settings_.log->write(line);
}

// ---- claims ----

ClaimAnswer Desk::Impl::claim(const Wish& wish) {
  const auto refused = [](NotClaimed::Why why, std::string words) {
    NotClaimed no{};
    no.why = why;
    no.text = std::move(words);
    return no;
  };
  if (is_fork())
    return refused(NotClaimed::Why::forked, "this desk was opened by another process: open one in this process");
  auto request = request_of(wish, settings_);
  if (!request) return refused(NotClaimed::Why::wrong, request.error().what + "; nothing was claimed");
  const std::string claimer = wish.again.empty() ? claimer_ + std::to_string(++claims_) : wish.again;
  request->claimer = claimer;
  bool retried = !wish.again.empty();
  bool asked = false;
  auto claimed = in_turn([&](Account& account) -> Result<ClaimAnswer> {
    // Two threads may have been given the same word; one of them was first.
    if (!wish.again.empty() && given_again_.contains(claimer))
      return ClaimAnswer{refused(NotClaimed::Why::duplicate, "its ticket was given already")};
    request->order.stamp = clock_.now();
    request->order.valid_until = request->order.stamp + settings_.validity;
    asked = true;
    auto judged = account.guard().claim({&*request, 1}, settings_.policy, clock_.now());
    if (!judged) {
      retried = retried || judged.error().fault == Fault::unreachable;
      return relayed(judged, "claiming an entry");
    }
    if (std::holds_alternative<Fenced>(judged->front().outcome))
      return failed(Fault::fenced, "another process has taken the run lock; nothing was claimed");
    ClaimAnswer said = answer(account, *request, judged->front(), retried);
    if (!wish.again.empty() && std::holds_alternative<Ticket>(said)) given_again_.insert(claimer);
    return said;
  });
  if (claimed) return std::move(*claimed);
  const Error& error = claimed.error();
  switch (error.fault) {
    case Fault::fenced:
      return refused(NotClaimed::Why::held_elsewhere, in_words(error));
    case Fault::data:
      return refused(NotClaimed::Why::wrong, in_words(error) + "; nothing was claimed");
    case Fault::configuration:
    case Fault::unreachable:
      break;
  }
  NotClaimed no =
      refused(asked || error.fault != Fault::unreachable ? NotClaimed::Why::unreachable : NotClaimed::Why::busy,
              in_words(error));
  if (asked) no.again = claimer;
  return no;
}

Ticket ticket_of(const Order& order) {
  return {order.client_id, order.wire_id.empty() ? order.client_id : order.wire_id,
          order.symbol,    order.side,
          order.quantity,  order.valid_until};
}

// The row of a claim whose answer was lost, if it is the claimer's and nothing was sent for it yet.
std::optional<Order> Desk::Impl::claimed_by(Account& account, const ClientOrderId& id, const std::string& claimer) {
  if (id.empty()) return std::nullopt;
  const auto trade = account.journal().trade(id);
  if (!trade || !*trade || (*trade)->claimer != claimer) return std::nullopt;
  const auto order = account.journal().order(id);
  if (!order || !*order || !(*order)->in_doubt() || (*order)->acknowledged) return std::nullopt;
  return **order;
}

// Nobody had its ticket, so nothing was sent for it; and after its time nothing may be.
ClaimAnswer Desk::Impl::come_back(Account& account, const Order& own) {
  const Instant now = clock_.now();
  if (now <= own.valid_until) return ticket_of(own);
  NotClaimed late{};
  late.why = NotClaimed::Why::unreachable;
  late.text = "the claim came back too late to be sent";
  const auto freed =
      account.guard().settle(own.client_id, Unsent{Unsent::Why::too_late, "its ticket came back too late"}, now);
  late.text += freed ? "; its signal is free again" : ", and could not be freed: " + in_words(freed.error());
  return late;
}

ClaimAnswer Desk::Impl::answer(Account& account, const EntryRequest& request, Judged& judged, bool retried) {
  const Symbol& symbol = request.signal.symbol;
  const SignalKey& key = request.order.signal_key;
  if (request.signal.side == Side::buy)
    say(cooldown_line(symbol, judged.cooldown, settings_.policy.cooldown, clock_.now()));
  return std::visit(
      overloaded{
          [&](EntryTicket& ticket) -> ClaimAnswer {
            say(key_line(key, nullptr));
            return ticket_of(ticket.order());
          },
          [&](Duplicate& known) -> ClaimAnswer {
            if (retried)
              if (const auto own = claimed_by(account, known.first, request.claimer)) return come_back(account, *own);
            say(key_line(key, &known));
            NotClaimed no{};
            no.why = NotClaimed::Why::duplicate;
            no.text = known.decided.empty()
                          ? "the signal was claimed at " + iso_seconds(known.claimed_at) + " UTC, as order " +
                                known.existing_order_id
                          : "the signal was decided at " + iso_seconds(known.claimed_at) + " UTC: " + known.decided;
            if (!known.first.empty()) no.order = known.first;
            return no;
          },
          [&](Denied& denied) -> ClaimAnswer {
            say(key_line(key, nullptr));
            NotClaimed no{};
            no.why = denied.reason == Denial::cooldown ? NotClaimed::Why::cooling : NotClaimed::Why::denied;
            no.denial = denied.reason;
            no.until = denied.until;
            no.text = "denied: " + spoken(denied) + (denied.detail.empty() ? "" : " (" + denied.detail + ")");
            if (no.why == NotClaimed::Why::denied) say(denied_line(symbol, key, denied));
            return no;
          },
          [](Fenced&) -> ClaimAnswer { return NotClaimed{}; },  // handled before
      },
      judged.outcome);
}

// ---- what became of it ----

Result<void> Desk::Impl::settle(const ClientOrderId& id, const PlaceOutcome& outcome) {
  return in_turn([&](Account& account) { return account.guard().settle(id, outcome, clock_.now()); });
}

Result<void> Desk::Impl::filled(const ClientOrderId& id, const Fill& fill) {
  if (fill.filled.is_negative() || fill.value.is_negative())
    return failed(Fault::data, "a fill has no negative quantity and no negative value; nothing was written");
  return in_turn([&](Account& account) {
    return hear(account, id, [&](const Order& entry) {
      return fill_applied(entry, fill, fill.final ? VenueStatus::cancelled : VenueStatus::open, "", clock_.now());
    });
  });
}

// Reads the entry, lets `said` change it, and writes it with its trade; what somebody else wrote meanwhile is read again.
Result<void> Desk::Impl::hear(Account& account, const ClientOrderId& id,
                              const std::function<Result<Applied>(const Order&)>& said) {
  constexpr int attempts = 5;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    auto order = account.journal().order(id);
    if (!order) return relayed(order);
    if (!*order || (*order)->leg != Leg::entry) return failed(Fault::data, "no claim with the id " + id);
    auto trade = account.journal().trade((*order)->trade);
    if (!trade) return relayed(trade);
    if (!*trade) return failed(Fault::data, "no trade with the id " + id);
    auto applied = said(**order);
    if (!applied) return relayed(applied);
    if (applied->step == Step::alarm || applied->step == Step::not_asked)
      return failed(Fault::data,
                    "an order that is " + std::string{text((*order)->state)} + " cannot be that; nothing was written");
    TradeRecord record = **trade;
    if (applied->alive_again && record.reopens()) record.settled = false;
    const Order& after = applied->order;
    const bool came_to_nothing = !after.live() && !after.filled.is_positive();
    if (came_to_nothing) record.settled = true;
    Order compared = after;
    compared.sighted_at = (*order)->sighted_at;  // a newer look at the same facts is no news
    if (compared == **order && record == **trade) return {};
    const Change change{.append = {}, .advance = {after}, .trades = {record}, .notices = {}, .alarms = {}, .words = {}};
    const auto written = account.journal().write({&change, 1});
    if (!written) return tl::unexpected{written.error()};
    if (written->front() == Written::yes) {
      if (came_to_nothing && after.state == OrderState::lapsed)
        say(line_of(Event::order_lapsed, after).add("reason", after.reason));
      return {};
    }
  }
  return failed(Fault::unreachable, "the trade " + id + " is being changed by others; nothing was written");
}

Result<void> Desk::Impl::closed(const ClientOrderId& id, const Closed& sale) {
  if (!sale.quantity.is_positive() && !sale.all)
    return failed(Fault::data, "nothing was sold, and the position is not over; nothing was written");
  if (sale.order.empty() && sale.quantity.is_positive())
    return failed(Fault::data, "a sale needs the exchange's id of its order; nothing was written");
  return in_turn([&](Account& account) { return sell(account, id, sale); });
}

namespace {

Leg leg_of(ClosedBy by) {
  switch (by) {
    case ClosedBy::stop:
      return Leg::stop;
    case ClosedBy::target:
      return Leg::target;
    case ClosedBy::signal:
    case ClosedBy::operator_:
      return Leg::exit;
  }
  return Leg::exit;
}

// What the exchange sold, as a leg that has come to its end.
Order sale_row(const AccountKey& account, const Trade& trade, Leg leg, const Closed& sale, Instant now) {
  const int number = trade.next_attempt(leg);
  Order order{.client_id = client_order_id(account, trade.id(), leg, number),
              .trade = trade.id(),
              .leg = leg,
              .attempt = number,
              .signal_key = {},
              .symbol = trade.symbol(),
              .side = Side::sell,
              .quantity = sale.quantity};
  order.state = OrderState::closed;
  order.claimed_at = order.stamp = order.valid_until = now;
  order.closed_at = now;
  order.acknowledged = true;
  order.venue_id = sale.order;
  order.filled = sale.quantity;
  order.filled_value = sale.value;
  order.fees_known = true;
  order.ending = Ending::ended;
  if (leg == Leg::exit) order.because = sale.by == ClosedBy::operator_ ? ExitReason::operator_ : ExitReason::signal;
  return order;
}

}  // namespace

Result<void> Desk::Impl::sell(Account& account, const ClientOrderId& id, const Closed& sale) {
  constexpr int attempts = 5;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    auto trade = whole_trade(account, id);
    if (!trade) return relayed(trade);
    Change change{.append = {}, .advance = {}, .trades = {trade->record}, .notices = {}, .alarms = {}, .words = {}};
    Quantity sold;
    bool known = false;
    for (const Order& row : trade->legs) {
      if (sale.order.empty() || row.venue_id != sale.order) {
        sold += row.filled;
        continue;
      }
      known = true;
      Order more = row;
      more.filled = std::max(row.filled, sale.quantity);
      more.filled_value = std::max(row.filled_value, sale.value);
      more.quantity = std::max(row.quantity, more.filled);
      sold += more.filled;
      if (more != row) change.advance.push_back(std::move(more));
    }
    if (!known && sale.quantity.is_positive()) {
      change.append.push_back(sale_row(key_, *trade, leg_of(sale.by), sale, clock_.now()));
      sold += sale.quantity;
    }
    Quantity bought;
    bool entry_over = true;
    for (const Order& entry : trade->entries) {
      bought += entry.filled - entry.fee_base;
      entry_over = entry_over && !entry.live();
    }
    if (sold > bought && !sale.all)
      return failed(Fault::data, "more was sold than was bought: " + sold.text() + " of " + bought.text() +
                                     "; what was filled has to be said first. Nothing was written");
    if (entry_over && (sale.all || sold >= bought)) change.trades.front().settled = true;
    if (sale.all && !entry_over)
      return failed(Fault::data,
                    "its entry is still open: what was filled of it, and that it is final, has to be said first. "
                    "Nothing was written");
    if (change.append.empty() && change.advance.empty() && change.trades.front() == trade->record) return {};
    const auto written = account.journal().write({&change, 1});
    if (!written) return tl::unexpected{written.error()};
    if (written->front() == Written::yes) return {};
  }
  return failed(Fault::unreachable, "the trade " + id + " is being changed by others; nothing was written");
}

Result<std::vector<Trade>> Desk::Impl::open_trades() {
  return in_turn([&](Account& account) -> Result<std::vector<Trade>> {
    auto book = account.journal().open_book(clock_.now());
    if (!book) return relayed(book, "reading what is open");
    return std::move(book->trades);
  });
}

}  // namespace tradeguard
