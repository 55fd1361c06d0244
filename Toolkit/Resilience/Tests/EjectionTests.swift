import MartletCore
import Testing

@testable import MartletResilience

@Suite("Ejection of an instance")
struct EjectionTests {
    var ejection = Ejection(
        InstancePolicy(
            triesMax: 3,
            failuresLimit: 2,
            ejectionMin: .seconds(1),
            ejectionMax: .seconds(3),
            ejectedShareMax: 0.5
        )
    )
    let start = Moment(nanoseconds: 0)

    @Test("begins at the limit of failures in a row, and lasts twice as long each time, up to a limit")
    mutating func grows() {
        ejection.failed(at: start)
        #expect(ejection.until == nil)
        ejection.failed(at: start)
        #expect(ejection.until == start + .seconds(1))
        // Calls that were out meanwhile.
        ejection.failed(at: start + .milliseconds(999))
        #expect(ejection.until == start + .seconds(1))

        ejection.failed(at: start + .seconds(1))
        #expect(ejection.until == start + .seconds(3))
        ejection.failed(at: start + .seconds(3))
        #expect(ejection.until == start + .seconds(6))
    }

    @Test("ends with a success, after which it begins anew")
    mutating func ends() {
        for second in 0...3 { ejection.failed(at: start + .seconds(second)) }
        ejection.succeeded()
        #expect(ejection.until == nil)
        ejection.failed(at: start + .seconds(10))
        #expect(ejection.until == nil)
        ejection.failed(at: start + .seconds(10))
        #expect(ejection.until == start + .seconds(11))
    }
}
