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
}
