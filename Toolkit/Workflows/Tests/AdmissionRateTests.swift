import MartletCore
import Testing

@testable import MartletWorkflows

@Suite("Admission at a rate")
struct AdmissionRateTests {
    private static let bound = Duration.seconds(2)

    @Test("saturation: runs end within the bound, at the rate at which they can", arguments: [50, 200, 1_000])
    func saturation(rate: Int) {
        var model = EngineModel(rate: rate)
        model.run(for: .seconds(5), requestsPerSecond: 2 * rate)
        let before = model.durations.count
        model.run(for: .seconds(10), requestsPerSecond: 2 * rate)
        #expect(model.duration(990) < Self.bound)
        #expect(model.durations.count - before >= 10 * rate * 97 / 100)
        #expect(!model.refused.isEmpty)
    }

    @Test("saturation of fewer slots than a short request needs: the limit grows")
    func growth() {
        var limits = WorkflowLimits()
        // A request takes 20 ms, so that two open runs are at most 100 in a second.
        limits.concurrencyLimit = 2
        var model = EngineModel(rate: 400, limits: limits)
        model.run(for: .seconds(5), requestsPerSecond: 1_000)
        let before = model.durations.count
        model.run(for: .seconds(5), requestsPerSecond: 1_000)
        #expect(model.durations.count - before >= 5 * 400 * 97 / 100)
        #expect(model.duration(990) < Self.bound)
    }

    @Test("begins with as many as there are slots, and follows the rate")
    func slowStart() {
        var model = EngineModel(rate: 200)
        #expect(model.limit == 64)
        model.run(for: .seconds(3), requestsPerSecond: 400)
        #expect(150...200 ~= model.limit)
        model.run(for: .seconds(10))
        #expect(model.limit == 64)
        #expect(model.openIDs.isEmpty)
    }

    @Test("burst: what finds room within the wait is admitted")
    func burst() {
        var model = EngineModel(rate: 200)
        for number in 0..<190 { model.send("\(number)", by: "\(number)") }
        model.run(for: .seconds(5))
        #expect(model.refused.isEmpty)
        #expect(model.durations.count == 190)
        #expect(model.duration(1_000) < Self.bound)
    }

    @Test("burst beyond the queue: the others are refused at once, and start nothing")
    func overflow() {
        var model = EngineModel(rate: 400)
        for number in 0..<2_000 { model.send("\(number)", by: "\(number)") }
        let queue = WorkflowLimits().admissionQueueLimit
        #expect(model.refused.count == 2_000 - 64 - queue)
        model.run(for: .seconds(5))
        #expect(model.started.count == 64 + queue)
        #expect(model.durations.count == 64 + queue)
    }

    @Test("fairness: a caller that floods does not keep out another one")
    func fairness() {
        var model = EngineModel(rate: 200)
        for millisecond in 0..<20_000 {
            for number in 0..<2 { model.send("flood-\(millisecond)-\(number)", by: "flood") }
            if millisecond % 100 == 0 { model.send("other-\(millisecond)", by: "other") }
            model.advance()
        }
        #expect(model.refused.contains { $0.hasPrefix("flood") })
        #expect(!model.refused.contains { $0.hasPrefix("other") })
    }

    @Test("outage: runs are stored up to the limit; afterwards new ones end within the bound, beside the backlog")
    func outage() {
        var model = EngineModel(rate: 200)
        model.run(for: .seconds(5), requestsPerSecond: 80)
        model.isDown = true
        let before = model.started.count
        model.run(for: .seconds(20), requestsPerSecond: 80)
        #expect(model.refused.isEmpty)
        #expect(model.started.count - before >= 20 * 80 - 2)
        #expect(model.openIDs.count >= 1_500)

        model.isDown = false
        let recovery = model.now
        model.run(for: .seconds(60), requestsPerSecond: 80)
        #expect(model.refused.isEmpty)
        // Those of the first second wait behind the runs that were claimed during the outage.
        #expect(model.duration(990, since: recovery + .seconds(1)) < Self.bound)
        model.run(for: .seconds(60))
        #expect(model.openIDs.isEmpty)
    }

    @Test("outage that fills the database: refused at once, and accepted again after it before the backlog has ended")
    func longOutage() {
        var model = EngineModel(rate: 200)
        model.isDown = true
        model.run(for: .seconds(60), requestsPerSecond: 200)
        #expect(!model.refused.isEmpty)

        model.isDown = false
        model.run(for: .seconds(3), requestsPerSecond: 80)
        let refused = model.refused.count
        let recovered = model.now
        model.run(for: .seconds(5), requestsPerSecond: 80)
        #expect(model.refused.count == refused)
        #expect(model.openIDs.count > 500)
        #expect(model.duration(990, since: recovered) < Self.bound)
    }
}

extension EngineModel {
    /// How many runs may be open now.
    var limit: Int {
        var state = state
        return state.openLimit(at: now)
    }
}
