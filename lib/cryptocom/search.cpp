#include "search.hpp"

#include <algorithm>

namespace tradeguard::cryptocom {
namespace {

constexpr int most_pages = 5;         // of 100 rows; history and trades cost a second each
constexpr Micros clocks_apart = 60s;  // the window ends beyond whatever the venue's clock may say

std::int64_t nanoseconds(Instant at) {
  constexpr std::int64_t latest = 9'000'000'000'000'000;  // so that the product stays a number
  return std::clamp<std::int64_t>(to_micros(at), 0, latest) * 1000;
}

Ask detail(Book book, const std::string& venue_id, const ClientOrderId& client_id = {}) {
  return {.view = Ask::View::detail, .book = book, .name = {venue_id, client_id}};
}

bool is_leg(const OrderQuery& query) { return query.leg == Leg::stop || query.leg == Leg::target; }

std::string_view method_of(const Ask& ask) {
  const bool advanced = ask.book == Book::advanced;
  switch (ask.view) {
    case Ask::View::detail:
      return advanced ? "private/advanced/get-order-detail" : "private/get-order-detail";
    case Ask::View::open_orders:
      return advanced ? "private/advanced/get-open-orders" : "private/get-open-orders";
    case Ask::View::history:
      return advanced ? "private/advanced/get-order-history" : "private/get-order-history";
    case Ask::View::trades:
      return "private/get-trades";
  }
  return "";
}

}  // namespace

// All pages of a view are one reading.
std::string name_of(const Ask& ask) {
  std::string name{method_of(ask)};
  if (ask.view == Ask::View::detail)
    name += ask.name.venue_id.empty() ? " client " + ask.name.client_id : " " + ask.name.venue_id;
  return name;
}

HttpRequest build(const Ask& ask, Serial serial, const Signer& signer) {
  switch (ask.view) {
    case Ask::View::detail:
      return build_order_read(ask.book, ask.name, serial, signer);
    case Ask::View::open_orders:
      return build_open_orders(ask.book, serial, signer);
    case Ask::View::history:
      return build_all_orders(ask.book, ask.window, serial, signer);
    case Ask::View::trades:
      return build_trades(ask.window, serial, signer);
  }
  return {};
}

Search::Search(std::span<const OrderQuery> queries, Instant began, bool fees_now)
    : queries_{queries.begin(), queries.end()}, began_{began}, since_{began} {
  for (const OrderQuery& query : queries_) {
    since_ = std::min(since_, query.since);
    fees_ = fees_ || (fees_now && query.want_fees);
  }
}

Search Search::of_own(Instant since, Instant began) {
  Search search{{}, began, false};
  search.since_ = since;
  search.own_ = true;
  search.pages_wanted_ = true;
  return search;
}

std::vector<Ask> Search::burst() {
  std::map<std::string, Ask> asks;
  const auto want = [&](const Ask& ask) {
    if (reading(ask) != nullptr) return false;
    asks.emplace(name_of(ask), ask);
    return true;
  };
  if (own_) {
    for (const Ask& ask : own_views()) want(ask);
    if (asks.empty()) queries_ = own_queries(records_);
  }
  if (fees_) want(list(Ask::View::trades, Book::regular));
  for (const OrderQuery& query : queries_) {
    bool more = false;
    for (const std::string& id : executed_to_read(query, records_)) more = want(detail(Book::regular, id)) || more;
    for (const std::string& id : legs_to_read(query, records_)) want(detail(Book::advanced, id));
    if (!more && trades_to_read(query, records_)) want(list(Ask::View::trades, Book::regular));
    if (own_) continue;
    const auto all = stages(query);
    for (const auto& stage : all) {
      if (&stage == &all.back()) pages_wanted_ = true;
      bool waiting = false;
      bool failed = false;
      for (const Ask& ask : stage) {
        waiting = want(ask) || waiting;
        failed = failed || (reading(ask) != nullptr && !reading(ask)->read);
      }
      // A view that does not answer is not made to answer by asking the others.
      if (waiting || failed || !sightings_of(query, records_, began_).empty()) break;
    }
  }
  if (pages_wanted_) {
    for (const auto& [name, reading] : readings_) {
      if (!reading.next) continue;
      Ask& page = asks.emplace(name, reading.ask).first->second;
      page.window = *reading.next;
    }
  }
  std::vector<Ask> burst;
  for (const auto& [name, ask] : asks) burst.push_back(ask);
  return burst;
}

Heard Search::hear(const Ask& ask, const HttpResult& result) {
  if (ask.view == Ask::View::trades) return take(ask, read_trades(result), records_.trades);
  auto read = ask.view == Ask::View::detail ? read_order(result) : read_orders(result);
  const bool regular = ask.book == Book::regular;
  const bool absent = ask.view == Ask::View::detail && read.ruling.fate == Fate::absent;
  if (read.it)
    for (Row& row : read.it->rows) {
      if (regular) row.executed_id.clear();  // nothing comes after a regular order
      if (!row.account_id.empty()) account_id_ = row.account_id;
    }
  if (absent && regular) records_.not_regular.insert(ask.name.venue_id);
  return take(ask, std::move(read), regular ? records_.regular : records_.advanced);
}

template <class T>
Heard Search::take(const Ask& ask, Read<Result<Page<T>>> page, std::vector<T>& rows) {
  Reading& reading = readings_[name_of(ask)];
  reading.ask = ask;
  reading.pages += 1;
  reading.next.reset();
  reading.read = page.it.has_value();
  reading.whole = reading.read && page.it->whole && (reading.pages == 1 || reading.whole);
  if (!reading.read) {
    reading.why = std::string{method_of(ask)} + ": " + page.it.error().what;
    return page;
  }
  const bool paged = ask.view == Ask::View::history || ask.view == Ask::View::trades;
  if (paged && page.it->shown >= page_size) {
    if (reading.pages < most_pages) reading.next = window_behind(*page.it, ask.window);
    if (!reading.next) reading.whole = false;  // a full page with no way on is not all there is
  }
  rows.insert(rows.end(), page.it->rows.begin(), page.it->rows.end());
  return page;
}

std::vector<Result<Lookup>> Search::lookups() const {
  std::vector<Result<Lookup>> lookups;
  for (const OrderQuery& query : queries_) lookups.push_back(lookup(query));
  return lookups;
}

Result<Lookup> Search::lookup(const OrderQuery& query) const {
  Lookup lookup{sightings_of(query, records_, began_), all_whole(every_view(query)), began_};
  if (!lookup.found.empty()) return lookup;
  for (const auto& stage : stages(query))
    for (const Ask& ask : stage)
      if (const Reading* seen = reading(ask); seen != nullptr && !seen->read)
        return failed(Fault::unreachable, seen->why);
  // Somebody traded under this id: the order exists, though no view shows it yet.
  if (traded(query, records_)) lookup.every_view_read = false;
  return lookup;
}

Result<std::vector<Sighting>> Search::own() const {
  for (const Ask& ask : own_views()) {
    const Reading* seen = reading(ask);
    if (seen == nullptr || !seen->read) return failed(Fault::unreachable, seen == nullptr ? "not asked" : seen->why);
    if (!all_whole({ask}))
      return failed(Fault::unreachable, std::string{method_of(ask)} + ": not all of it can be read");
  }
  for (const auto* rows : {&records_.regular, &records_.advanced})
    for (const Row& row : *rows)
      if (row.client_id.starts_with(client_id_prefix) && !row.symbol)
        return failed(Fault::unreachable, "order " + row.order_id + " is in no known market");
  std::vector<Sighting> own;
  for (const OrderQuery& query : queries_) {
    for (Sighting& sighting : sightings_of(query, records_, began_)) {
      const bool over = sighting.status != VenueStatus::open && sighting.status != VenueStatus::unknown;
      if (over && sighting.exchange_time && *sighting.exchange_time < since_) continue;
      own.push_back(std::move(sighting));
    }
  }
  return own;
}

std::vector<std::vector<Ask>> Search::stages(const OrderQuery& query) const {
  std::vector<std::vector<Ask>> stages;
  if (is_leg(query)) {
    // One list shows every leg that rests. A pair's answer names no order, so that its legs are
    // read so too.
    stages.push_back({list(Ask::View::open_orders, Book::advanced)});
    if (!query.fired_id.empty()) stages.back().push_back(detail(Book::regular, query.fired_id));
    if (!query.venue_id.empty()) stages.push_back({detail(Book::advanced, query.venue_id)});
  } else if (!query.venue_id.empty()) {
    stages.push_back({detail(Book::regular, query.venue_id)});
  }
  stages.push_back(every_view(query));
  return stages;
}

std::vector<Ask> Search::every_view(const OrderQuery& query) const {
  std::vector<Ask> views = own_views();
  views.push_back(list(Ask::View::trades, Book::regular));
  for (const Book book : {Book::regular, Book::advanced}) views.push_back(detail(book, {}, query.client_id));
  if (!query.venue_id.empty()) views.push_back(detail(is_leg(query) ? Book::advanced : Book::regular, query.venue_id));
  return views;
}

std::vector<Ask> Search::own_views() const {
  std::vector<Ask> views;
  for (const Book book : {Book::regular, Book::advanced})
    for (const Ask::View view : {Ask::View::open_orders, Ask::View::history}) views.push_back(list(view, book));
  return views;
}

Ask Search::list(Ask::View view, Book book) const {
  const Window window{nanoseconds(since_), nanoseconds(began_ + clocks_apart)};
  return {.view = view, .book = book, .window = window};
}

const Search::Reading* Search::reading(const Ask& ask) const {
  const auto found = readings_.find(name_of(ask));
  return found == readings_.end() ? nullptr : &found->second;
}

bool Search::all_whole(const std::vector<Ask>& asks) const {
  return std::all_of(asks.begin(), asks.end(), [&](const Ask& ask) {
    const Reading* seen = reading(ask);
    return seen != nullptr && seen->whole && !seen->next;
  });
}

}  // namespace tradeguard::cryptocom
