import Testing

@testable import MartletWorkflows

@Suite("The hash of an input")
struct InputHashTests {
    private struct Input: Encodable {
        let b = "é"
        let a = Parts()
    }

    private struct Parts: Encodable {
        func encode(to encoder: any Encoder) throws {
            var container = encoder.unkeyedContainer()
            try container.encode(1)
            try container.encode("x")
        }
    }

    @Test("is SHA-256 of the stored form, as the journals of earlier versions have it")
    func hashes() throws {
        // {"a":[1,"x"],"b":"é"}
        #expect(
            try InputHash.of(Input()) == "d11add8eada936f3c1960a821ba9558f289298e34dfc1b38f415a57529ea3f77"
        )
        // {"é":1}
        #expect(
            try InputHash.of(["é": 1]) == "ddcfcf4765da163969972bb20660092ca2787782d9352d1d8a38e93f70acf3bf"
        )
    }

    @Test("does not exist for what cannot be stored")
    func unstorable() {
        #expect(throws: EncodingError.self) { try InputHash.of([Double.nan]) }
    }
}
