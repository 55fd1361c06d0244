import MartletContract
import MartletMessaging
import MartletTestContract
import SwiftProtobuf
import Testing

@Suite("Generated topics")
struct TestingTopicsTests {
    @Test("an event is sent with its topic and key, and decoded again")
    func roundTrip() throws {
        let event = ParcelMoved.with {
            $0.parcelID = "p1"
            $0.shelf = "a"
        }
        let outgoing = try OutgoingEvent(event, on: TestingTopics.parcelMoves)
        #expect(outgoing.topic == "martlet.testing.v1.parcel_moves")
        #expect(outgoing.key == "p1")
        #expect(outgoing.type == EventType(ParcelMoved.protoMessageName))
        #expect(try TestingTopics.parcelMoves.decode(outgoing.body) == event)
    }

    @Test("a topic has the partitions and the retention that its contract states")
    func plan() {
        let plan = TopicPlan("martlet.testing.v1.parcel_moves", partitions: 8, retention: .seconds(604_800))
        #expect(TestingTopics.parcelMoves.plan == plan)
        let served = ServedContract.parcel(ParcelHandler(), on: NoPlatform())
        #expect(served.topics == [ServedTopic(plan.name, partitions: plan.partitions, retention: plan.retention)])
    }

    @Test(
        "the JSON of an event keeps characters of every plane, escaped or not",
        arguments: 1...16 as ClosedRange<UInt32>
    )
    func planes(_ plane: UInt32) throws {
        let scalar = try #require(Unicode.Scalar(plane << 16 | 0x0BB7))
        let units = Array(String(Character(scalar)).utf16).map { "\\u" + String($0, radix: 16) }.joined()
        let json = try #require(TestingTopics.parcelMoves.json)
        for text in ["\(Character(scalar))", units] {
            let body = try json.bytes("{\"parcelId\":\"\(text)\",\"shelf\":\"x\(text)\"}")
            let event = try TestingTopics.parcelMoves.decode(body)
            #expect(Array(event.parcelID.unicodeScalars) == [scalar])
            #expect(Array(event.shelf.unicodeScalars) == ["x", scalar])
        }
    }
}
