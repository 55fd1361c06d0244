import Testing

@testable import MartletCore

@Suite("Budget of bytes")
struct ByteBudgetTests {
    let budget = ByteBudget(bytesMax: 100, untrustedBytesMax: 50)

    private func account(bytesMax: Int = 1_000, untrustedBytesMax: Int = 1_000, freeBytes: Int = 0) -> ByteAccount {
        ByteAccount(
            of: budget,
            limits: ByteAccount.Limits(
                bytesMax: bytesMax,
                untrustedBytesMax: untrustedBytesMax,
                freeBytes: freeBytes
            )
        )
    }

    /// An account releases what it holds when it ends.
    private func keep(_ account: borrowing ByteAccount) {}

    @Test("connections without a token hold at most their share, those with one what is left of the whole")
    func shares() {
        var anonymous = account()
        var caller = account()
        caller.trust()
        let first = anonymous.reserve(50)
        let second = anonymous.reserve(1)
        let third = caller.reserve(50)
        let fourth = caller.reserve(1)
        anonymous.release(50)
        let fifth = caller.reserve(50)
        #expect([first, second, third, fourth, fifth] == [true, false, true, false, true])
        #expect(budget.held == 100)
        keep(caller)
    }

    @Test("what a refused request asked for is not held")
    func refused() {
        var one = account()
        let first = one.reserve(51)
        let second = one.reserve(.max)
        let held = one.held
        let third = one.reserve(50)
        #expect([first, second, third] == [false, false, true])
        #expect(held == 0)
        #expect(budget.held == 50)
        keep(one)
    }

    @Test("a connection has its own limits, before and after its token")
    func connection() {
        var one = account(bytesMax: 30, untrustedBytesMax: 10)
        let first = one.reserve(10)
        let second = one.reserve(1)
        one.trust()
        let third = one.reserve(20)
        let fourth = one.reserve(1)
        #expect([first, second, third, fourth] == [true, false, true, false])
    }

    @Test("each connection may hold a little although the budget is spent")
    func free() {
        var caller = account()
        caller.trust()
        let all = caller.reserve(100)
        var anonymous = account(freeBytes: 8)
        let little = anonymous.reserve(8)
        let more = anonymous.reserve(1)
        #expect([all, little, more] == [true, true, false])
        #expect(budget.held == 100)
        anonymous.release(8)
        #expect(budget.held == 100)
        keep(caller)
    }

    @Test("a token moves what its connection holds out of the share of those without one")
    func trust() {
        var one = account(freeBytes: 8)
        var other = account()
        let first = one.reserve(58)
        let full = other.reserve(1)
        one.trust()
        one.trust()
        let second = other.reserve(50)
        #expect([first, full, second] == [true, false, true])
        #expect(budget.held == 100)
        one.release(58)
        #expect(budget.held == 50)
        keep(other)
    }

    @Test("what a connection holds at its end is released")
    func end() {
        do {
            var one = account()
            _ = one.reserve(40)
        }
        #expect(budget.held == 0)
        #expect(budget.takePeak() == 40)
        #expect(budget.takePeak() == 0)
    }
}
