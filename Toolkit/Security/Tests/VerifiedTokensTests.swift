import MartletCore
import Testing

@testable import MartletSecurity

@Suite("Verified tokens")
struct VerifiedTokensTests {
    private func key(_ number: UInt8) -> VerifiedKey {
        VerifiedKey(issuer: .people, key: TokenKey.Identity(id: "k", algorithm: .edDSA, bytes: [number]))
    }

    @Test("those of a key that is gone are dropped, also when another key has its id")
    func dropped() {
        var tokens = VerifiedTokens(limit: 2)
        let until = Timestamp(seconds: 10)
        for number in 1...2 as ClosedRange<UInt8> {
            tokens.insert([number], VerifiedTokens.Entry(principal: .anonymous, key: key(number), until: until))
        }
        tokens.keep([key(2), key(3)])
        let found = (1...2 as ClosedRange<UInt8>).map { tokens.find([$0], at: Timestamp(seconds: 9)) != nil }
        #expect(found == [false, true])
        // It takes its place again, and the limit holds.
        for number in [1, 3, 4] as [UInt8] {
            tokens.insert([number], VerifiedTokens.Entry(principal: .anonymous, key: key(2), until: until))
        }
        #expect(tokens.count <= 2)
        let last = tokens.find([4], at: Timestamp(seconds: 9))
        #expect(last != nil)
    }

    @Test("the oldest is evicted at the limit; expired ones are not found")
    func bounded() {
        var tokens = VerifiedTokens(limit: 2)
        let until = Timestamp(seconds: 10)
        for number in 1...3 as ClosedRange<UInt8> {
            tokens.insert([number], VerifiedTokens.Entry(principal: .anonymous, key: key(1), until: until))
        }
        #expect(tokens.count == 2)
        let found = (1...3 as ClosedRange<UInt8>).map { tokens.find([$0], at: Timestamp(seconds: 9)) != nil }
        #expect(found == [false, true, true])
        let late = tokens.find([3], at: until)
        #expect(late == nil)
    }

    @Test("a token is known by its bytes after it was found by its hash, until it expires or its key is gone")
    func recent() {
        var tokens = VerifiedTokens(limit: 1_000)
        let (now, until) = (Timestamp(seconds: 9), Timestamp(seconds: 10))
        let principal = Principal(user: "ann", scopes: [])
        for number in 1...2 as ClosedRange<UInt8> {
            tokens.insert([number], VerifiedTokens.Entry(principal: principal, key: key(number), until: until))
        }
        let before = tokens.findRecent("a", at: now)
        let byHash = [tokens.find([1], of: "a", at: now), tokens.find([2], of: "b", at: now)]
        let after = [tokens.findRecent("a", at: now), tokens.findRecent("b", at: now)]
        #expect(before == nil && byHash == [principal, principal] && after == [principal, principal])
        tokens.keep([key(2)])
        let kept = [tokens.findRecent("a", at: now), tokens.findRecent("b", at: now)]
        #expect(kept == [nil, principal])
        let late = tokens.findRecent("b", at: until)
        #expect(late == nil)
    }

    @Test("few tokens are known by their bytes")
    func recentLimit() {
        var tokens = VerifiedTokens(limit: 1_000)
        let (now, until) = (Timestamp(seconds: 9), Timestamp(seconds: 10))
        let numbers = 0...UInt8(VerifiedTokens.recentLimit)
        for number in numbers {
            tokens.insert([number], VerifiedTokens.Entry(principal: .anonymous, key: key(1), until: until))
            _ = tokens.find([number], of: "t\(number)", at: now)
        }
        let known = numbers.filter { tokens.findRecent("t\($0)", at: now) != nil }
        #expect(known == [UInt8(VerifiedTokens.recentLimit)])
        // The others are still found by their hashes.
        let byHash = tokens.find([0], at: now)
        #expect(byHash == .anonymous)
    }
}
