from model.bundle import load_bundle
from model.classifier import IntentClassifier
from model.runtime import load_runtime
def test_x(_trained_once):
    b=load_bundle(_trained_once.bundle_path); c=IntentClassifier(b,load_runtime(b),b.catalog)
    print(b.manifest.policy,b.manifest.metrics)
    for t in ("zxqv wkjf bnmt","量子力学","qqqqqq","helo","pizzza plz","what is the meaning of life","asdf","could I order one pizza please"):
        d=c.classify(t); print(t,d.intent,d.reason,round(d.score,3),[(r.tag,round(r.confidence,2)) for r in d.ranking])
    assert 0
