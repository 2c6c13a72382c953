// One call of find(): which views are read, in which bursts, and what they prove. Pure.
// Contract test: tests/cryptocom/search_test.cpp
#pragma once

#include <map>
#include <string>
#include <vector>

#include "records.hpp"

namespace tradeguard::cryptocom {

// One request to read a view.
struct Ask {
  enum class View { detail, open_orders, history, trades };
  View view = View::open_orders;
  Book book = Book::regular;
  OrderName name;  // of a detail
  Window window;   // of history and trades
};
std::string name_of(const Ask& ask);
HttpRequest build(const Ask& ask, Serial serial, const Signer& signer);

class Search {
 public:
  // Of orders by their ids. `fees_now` false: the trades are not read for the sake of fees alone.
  Search(std::span<const OrderQuery> queries, Instant began, bool fees_now);
  // Of every own order the venue shows since then.
  static Search of_own(Instant since, Instant began);

  // The next burst; empty when there is nothing more to ask. An order that was acknowledged is
  // looked up where it has to be, all of them in one burst. What is not found there, or was never
  // acknowledged, is looked for in every view, pages and all.
  std::vector<Ask> burst();
  Heard hear(const Ask& ask, const HttpResult& result);

  // One for each query, in their order. An error where nothing was found and a view could not be
  // read.
  std::vector<Result<Lookup>> lookups() const;
  Result<std::vector<Sighting>> own() const;
  const std::string& account_id() const { return account_id_; }

 private:
  struct Reading {
    Ask ask;
    bool read = false;   // false: no answer, or one that was not understood
    bool whole = false;  // every row, of every page read
    int pages = 0;
    std::optional<Window> next;
    std::string why;
  };
  template <class T>
  Heard take(const Ask& ask, Read<Result<Page<T>>> page, std::vector<T>& rows);
  // What is asked for an order, and what next where it was not found: at last, every view.
  std::vector<std::vector<Ask>> stages(const OrderQuery& query) const;
  std::vector<Ask> every_view(const OrderQuery& query) const;
  std::vector<Ask> own_views() const;
  Ask list(Ask::View view, Book book) const;
  const Reading* reading(const Ask& ask) const;
  bool all_whole(const std::vector<Ask>& asks) const;
  Result<Lookup> lookup(const OrderQuery& query) const;

  std::vector<OrderQuery> queries_;
  Instant began_;
  bool fees_ = false;
  bool pages_wanted_ = false;  // somebody's absence may have to be proven
  bool own_ = false;
  Instant since_;
  Records records_;
  std::map<std::string, Reading> readings_;
  std::string account_id_;
};

}  // namespace tradeguard::cryptocom
