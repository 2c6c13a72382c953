// What a desk is made of: the turns of its callers, its session of the store, and the loop that keeps a call going over
// a store that went away.
#pragma once

#include <atomic>
#include <cstdint>
#include <set>

#include "tradeguard/desk.hpp"
#include "tradeguard/order_state.hpp"
#include "turns.hpp"

namespace tradeguard {

class Desk::Impl {
 public:
  Impl(OpenStore connect, AccountKey account, Settings settings, Clock& clock);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  ClaimAnswer claim(const Wish& wish);
  Result<void> settle(const ClientOrderId& id, const PlaceOutcome& outcome);
  Result<void> filled(const ClientOrderId& id, const Fill& fill);
  Result<void> closed(const ClientOrderId& id, const Closed& sale);
  Result<std::vector<Trade>> open_trades();
  Result<Tended> tend(const LookUp& look_up);
  // Connects, takes the lock, looks at the epoch: the first of it for open().
  Result<void> begin();

 private:
  // Of the process that opened it, which alone may use it.
  struct Session {
    std::shared_ptr<Store> store;
    std::unique_ptr<Account> account;
    std::optional<RunLease> lease;
  };
  Result<Account*> ready();
  Result<void> look_at_epoch(Account& account);
  bool is_fork() const;
  // In turn, and again over a new session where the store went away, until the patience of the call is over.
  template <class Work>
  auto in_turn(Work&& work) -> decltype(work(std::declval<Account&>()));

  ClaimAnswer answer(Account& account, const EntryRequest& request, Judged& judged, bool retried);
  ClaimAnswer come_back(Account& account, const Order& own);
  std::optional<Order> claimed_by(Account& account, const ClientOrderId& id, const std::string& claimer);
  Result<void> hear(Account& account, const ClientOrderId& id,
                    const std::function<Result<Applied>(const Order&)>& said);
  Result<void> sell(Account& account, const ClientOrderId& id, const Closed& sale);
  // Of tend().
  Result<void> hear_lookup(Account& account, const Order& asked, const LookedUp& found, Instant read_began,
                           Tended& tended);
  Result<void> keep_alarms(Account& account, Tended& tended);
  Result<void> deliver(Tended& tended);
  void say(const Line& line) const;

  OpenStore connect_;
  AccountKey key_;
  Settings settings_;
  Clock& clock_;
  const long process_;
  std::string claimer_;  // what every claimer of this desk begins with
  std::atomic<std::uint64_t> claims_{0};
  std::set<std::string> given_again_;  // claimers that had a ticket over Wish::again
  Turns turns_;
  std::unique_ptr<Session> session_;
};

template <class Work>
auto Desk::Impl::in_turn(Work&& work) -> decltype(work(std::declval<Account&>())) {
  constexpr Micros longest_pause = 500ms;
  if (is_fork())
    return failed(Fault::configuration,
                  "this desk was opened by another process: open one in this process, after fork() or daemon()");
  const Micros until = clock_.monotonic() + settings_.patience;
  const auto turn = turns_.take(settings_.patience);
  if (!turn) return failed(Fault::unreachable, "other calls of this desk took all the time; nothing was done");
  for (Micros pause = 10ms;; pause = std::min(pause * 2, longest_pause)) {
    auto account = ready();
    std::optional<Error> error;
    if (!account) {
      error = std::move(account.error());
    } else {
      auto done = work(**account);
      if (done) return done;
      error = std::move(done.error());
      if (error->fault == Fault::data || error->fault == Fault::configuration) return tl::unexpected{std::move(*error)};
      session_.reset();  // with it the lease: whoever fenced it off holds the lock
      if (error->fault == Fault::fenced && settings_.sharing == Sharing::shared)
        return tl::unexpected{std::move(*error)};
    }
    const bool over = clock_.monotonic() + pause >= until;
    if (over || (!account && error->fault != Fault::unreachable)) return tl::unexpected{std::move(*error)};
    clock_.wait(pause);
  }
}

}  // namespace tradeguard
