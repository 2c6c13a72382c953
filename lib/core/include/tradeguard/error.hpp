// "The world did not answer" is a value; exceptions are for broken invariants only.
#pragma once

#include <stdexcept>
#include <string>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>
#include <vector>

namespace tradeguard {

enum class Fault {
  unreachable,    // could not be asked, or did not answer in time; asking later may succeed
  configuration,  // will not get better by itself: wrong schema, pooler, network file system, ...
  fenced,         // another run holds the account now; nothing was written
  data,           // this very batch was refused by a constraint; nothing of it was written
};

struct Error {
  Fault fault;
  std::string what;                // one sentence for a person, no secrets
  std::vector<std::string> chain;  // what was being done, outermost first

  Error(Fault f, std::string w) : fault{f}, what{std::move(w)} {}
  Error within(std::string doing) && {
    chain.insert(chain.begin(), std::move(doing));
    return std::move(*this);
  }
};

// "opening the store: the disk is full": what was being done, and what was wrong.
inline std::string in_words(const Error& error) {
  std::string words;
  for (const std::string& doing : error.chain) words += doing + ": ";
  return words + error.what;
}

// A value, or why there is none. Ignoring it is a warning: the answer to a claim, a settlement or a
// write may be that it did not happen. value() of an error throws std::runtime_error with its words.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using Base = tl::expected<T, Error>;
  using Base::Base;
  Result() = default;
  Result(Base other) : Base{std::move(other)} {}
  // Each of these is named, because a T that can be made of anything would else be made of a Result.
  Result(const Result&) = default;
  Result(Result&) = default;
  Result(Result&&) = default;
  Result& operator=(const Result&) = default;
  Result& operator=(Result&&) = default;
  ~Result() = default;

  decltype(auto) value() & {
    must_hold();
    return **this;
  }
  decltype(auto) value() const& {
    must_hold();
    return **this;
  }
  // Of a temporary its own, so that a loop over it does not walk through what is gone.
  T value() && {
    must_hold();
    return *std::move(*this);
  }

 private:
  void must_hold() const {
    if (!this->has_value()) throw std::runtime_error{in_words(this->error())};
  }
};
template <>
class [[nodiscard]] Result<void> : public tl::expected<void, Error> {
 public:
  using Base = tl::expected<void, Error>;
  using Base::Base;
  Result() = default;
  Result(Base other) : Base{std::move(other)} {}

  void value() const {
    if (!has_value()) throw std::runtime_error{in_words(error())};
  }
};

inline tl::unexpected<Error> failed(Fault fault, std::string what) {
  return tl::unexpected<Error>{Error{fault, std::move(what)}};
}

// Visits a variant with one lambda per alternative; forgetting one does not compile.
template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

// The error of a call that failed, handed on: `if (!read) return relayed(read);`. It is moved out, unless it is const.
template <class Failed>
auto relayed(Failed& failed) {
  return tl::unexpected<std::decay_t<decltype(failed.error())>>{std::move(failed.error())};
}
// With what was being done, outermost.
template <class Failed>
tl::unexpected<Error> relayed(Failed& failed, std::string doing) {
  Error error = std::move(failed.error());
  return tl::unexpected<Error>{std::move(error).within(std::move(doing))};
}

}  // namespace tradeguard
