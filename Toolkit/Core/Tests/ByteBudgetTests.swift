import Testing

@testable import MartletCore

@Suite("Budget of bytes")
struct ByteBudgetTests {
    let budget = ByteBudget(bytesMax: 100, untrustedBytesMax: 50)

    private func account(
        from address: AddressBytes? = nil,
        bytesMax: Int = 1_000,
        untrustedBytesMax: Int = 1_000,
        freeBytes: Int = 0
    ) -> ByteAccount {
        ByteAccount(
            ByteCharge(of: budget, from: address),
            limits: ByteAccount.Limits(
                bytesMax: bytesMax,
                untrustedBytesMax: untrustedBytesMax,
                freeBytes: freeBytes
            ),
            makeSpace: { _ in }
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

    @Test("one address leaves a quarter of what is without a token to others; with a token it has no share")
    func addresses() throws {
        let address = AddressBytes(try #require(IPAddress("192.0.2.1")))
        var one = account(from: address)
        var two = account(from: address)
        var other = account(from: AddressBytes(try #require(IPAddress("192.0.2.2"))))
        // A quarter of 50, rounded down, is 12; an eighth is 6.
        let first = one.reserve(20)
        let second = two.reserve(18)
        let third = two.reserve(1)
        let fourth = other.reserve(6)
        let fifth = other.reserve(6)
        #expect([first, second, third, fourth, fifth] == [true, true, false, true, false])
        #expect(address.held == 38)
        one.trust()
        #expect(address.held == 18)
        two.release(18)
        let sixth = two.reserve(32)
        let seventh = other.reserve(1)
        #expect([sixth, seventh] == [true, false])
        keep(one)
        keep(two)
        keep(other)
    }

    @Test("what is missing is missing of the whole, of what is without a token, or of what an address may hold")
    func shortage() throws {
        let address = AddressBytes(try #require(IPAddress("192.0.2.1")))
        let hog = ByteCharge(of: budget, from: nil)
        #expect(hog.shortage(raisingTo: 50) == nil)
        #expect(hog.raise(to: 45))
        let guest = ByteCharge(of: budget, from: address)
        #expect(guest.shortage(raisingTo: 6) == ByteBudget.Shortage(bytes: 1, holders: .untrusted))
        #expect(guest.shortage(raisingTo: 7) == ByteBudget.Shortage(bytes: 14, holders: .address(address.address)))
        let caller = ByteCharge(of: budget, from: nil)
        caller.trust()
        #expect(caller.shortage(raisingTo: 57) == ByteBudget.Shortage(bytes: 2, holders: .all))
        #expect(caller.raise(to: 55))
        #expect(guest.shortage(raisingTo: 1) == ByteBudget.Shortage(bytes: 1, holders: .all))
        hog.revoke()
        #expect(hog.shortage(raisingTo: 100) == nil)
        #expect(!hog.raise(to: 1))
        #expect(budget.held == 55)
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
