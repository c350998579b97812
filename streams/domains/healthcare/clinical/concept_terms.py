"""Tables of the lexicon: a concept per line, followed by its other terms.

A name is also a term, with spaces for its underscores; ``#`` is any number.
"""

from __future__ import annotations

CONDITIONS = """
hypertension: high blood pressure, htn, hypertensive
heart_failure: congestive heart failure, chf, cardiomyopathy, systolic dysfunction
coronary_disease: coronary artery disease, cad, coronary heart disease, ischemic heart disease
myocardial_infarction: heart attack, nstemi, stemi
atrial_fibrillation: afib, a fib, atrial flutter
arrhythmia: arrhythmias, dysrhythmia, ventricular tachycardia, heart block
valve_disease: aortic stenosis, mitral regurgitation, aortic regurgitation, mitral valve prolapse
heart_disease: cardiac disease, heart problems
stroke: cva, cerebrovascular accident, tia, transient ischemic attack
peripheral_artery_disease: pvd, pad, peripheral vascular disease, claudication
venous_thrombosis: deep vein thrombosis, dvt, blood clot, blood clots
pulmonary_embolism: pulmonary emboli, pulmonary embolus
aneurysm: aortic aneurysm, aortic dissection
hyperlipidemia: high cholesterol, hypercholesterolemia, dyslipidemia, elevated cholesterol
diabetes: diabetes mellitus, diabetic, type # diabetes, dm
diabetic_neuropathy: peripheral neuropathy, neuropathy
diabetic_retinopathy: retinopathy
diabetic_ketoacidosis: dka, ketoacidosis
hypoglycemia: low blood sugar, hypoglycemic
hyperglycemia: high blood sugar, hyperglycemic
obesity: obese, overweight, morbid obesity
hypothyroidism: underactive thyroid, hypothyroid
hyperthyroidism: graves disease, thyrotoxicosis
thyroid_disease: thyroid problems, goiter
kidney_disease: chronic kidney disease, ckd, renal insufficiency, renal disease
kidney_failure: renal failure, acute kidney injury, esrd, aki
dialysis: hemodialysis, peritoneal dialysis
kidney_stones: nephrolithiasis, renal stones, kidney stone
urinary_infection: urinary tract infection, uti, cystitis, pyelonephritis
prostate_enlargement: bph, enlarged prostate, prostatic hypertrophy
electrolyte_disorder: hyponatremia, hypokalemia, hyperkalemia, hypernatremia
dehydration: dehydrated, volume depletion
anemia: anemic, iron deficiency, low hemoglobin
bleeding_disorder: hemophilia, thrombocytopenia, coagulopathy
sickle_cell: sickle cell disease, sickle cell anemia
asthma: asthmatic, reactive airway disease
copd: chronic obstructive pulmonary disease, emphysema, chronic bronchitis
pneumonia: aspiration pneumonia, lung infection
bronchitis: acute bronchitis
respiratory_failure: ards, respiratory distress
sleep_apnea: obstructive sleep apnea, osa
tuberculosis: tb
pleural_effusion: pleural effusions
lung_fibrosis: pulmonary fibrosis, interstitial lung disease
sinusitis: sinus infection, sinus infections
allergic_rhinitis: hay fever, seasonal allergies
otitis: ear infection, ear infections, otitis media
tonsillitis: strep throat, pharyngitis
influenza: flu
covid: coronavirus
sepsis: septic shock, septic, bacteremia
cellulitis: skin infection, abscess
osteomyelitis: bone infection
hiv: aids
hepatitis: hepatitis b, hepatitis c
shingles: herpes zoster
meningitis: encephalitis
reflux: gerd, gastroesophageal reflux, acid reflux, heartburn
peptic_ulcer: gastric ulcer, stomach ulcer, duodenal ulcer, ulcers
gastrointestinal_bleeding: gi bleed, gi bleeding, gastrointestinal bleed
gastritis: gastroenteritis, stomach flu
pancreatitis: acute pancreatitis
gallstones: cholelithiasis, cholecystitis, gallbladder disease
cirrhosis: liver disease, liver failure, fatty liver
diverticulitis: diverticulosis, diverticular disease
inflammatory_bowel_disease: crohn's disease, ulcerative colitis, crohn's, colitis
irritable_bowel: ibs, irritable bowel syndrome
bowel_obstruction: small bowel obstruction, ileus
appendicitis: acute appendicitis
hemorrhoids: hemorrhoid
hernia: inguinal hernia, hiatal hernia, umbilical hernia
cancer: malignancy, carcinoma, tumor, metastatic
breast_cancer: cancer of the breast
lung_cancer: cancer of the lung
colon_cancer: colorectal cancer
prostate_cancer: cancer of the prostate
skin_cancer: melanoma, basal cell carcinoma
lymphoma: leukemia, myeloma
osteoarthritis: degenerative joint disease, arthritis, djd
rheumatoid_arthritis: ra
gout: gouty arthritis
lupus: systemic lupus erythematosus
fibromyalgia: chronic fatigue
osteoporosis: osteopenia
fracture: fractures, broken bone, fractured
back_disease: degenerative disc disease, herniated disc, spinal stenosis, sciatica, scoliosis
carpal_tunnel: carpal tunnel syndrome
tendon_injury: tendinitis, rotator cuff tear, sprain, torn ligament
epilepsy: seizure disorder
parkinson: parkinson's disease, parkinson's
dementia: alzheimer's disease, alzheimer's, cognitive impairment
multiple_sclerosis: ms
migraine: migraines, migraine headaches
head_injury: concussion, traumatic brain injury, subdural hematoma
depression: major depression, depressive disorder, depressed
anxiety: anxiety disorder, panic attacks, panic disorder, anxious
bipolar: bipolar disorder
schizophrenia: psychosis, schizoaffective disorder
attention_deficit: adhd, attention deficit disorder
posttraumatic_stress: ptsd
alcohol_abuse: alcoholism, alcohol dependence, alcoholic
drug_abuse: substance abuse, cocaine, heroin, intravenous drug
smoking: smoker, smokes, tobacco, cigarettes
pregnancy: pregnant, gestation
endometriosis: ovarian cyst, fibroids
eczema: atopic dermatitis, dermatitis
psoriasis: psoriatic arthritis
pressure_ulcer: decubitus ulcer, bedsore
glaucoma: increased eye pressure
cataract: cataracts
macular_degeneration: retinal detachment
hearing_loss: hard of hearing, deaf
transplant: kidney transplant, liver transplant
"""

SYMPTOMS = """
pain: painful, aches, ache, discomfort
chest_pain: chest pressure, chest tightness, angina
shortness_of_breath: dyspnea, short of breath, breathless, difficulty breathing, sob
orthopnea: paroxysmal nocturnal dyspnea
palpitations: racing heart, heart racing
syncope: fainting, passed out, loss of consciousness, fainted
edema: swelling, swollen, leg swelling
cough: coughing
sputum: phlegm, productive cough
hemoptysis: coughing up blood
wheezing: wheeze, wheezes
congestion: nasal congestion, stuffy nose, runny nose
sore_throat: throat pain
hoarseness: hoarse
fever: fevers, febrile
chills: rigors
night_sweats: sweats, sweating, diaphoresis
fatigue: tired, tiredness, lethargy, exhausted
weakness: weak
malaise: feeling unwell
weight_loss: lost weight, losing weight
weight_gain: gained weight
appetite_loss: poor appetite, decreased appetite, anorexia
nausea: nauseated, nauseous
vomiting: vomited, emesis, throwing up
hematemesis: vomiting blood
diarrhea: loose stools
constipation: constipated
abdominal_pain: stomach pain, belly pain, stomach ache
bloating: distension, distended
difficulty_swallowing: dysphagia, trouble swallowing
rectal_bleeding: blood in stool, hematochezia, melena, black stools
jaundice: yellow skin
painful_urination: dysuria, burning urination
frequent_urination: urinary frequency, polyuria, nocturia
blood_in_urine: hematuria
incontinence: urinary incontinence
thirst: polydipsia, thirsty
headache: headaches, head pain
dizziness: dizzy, lightheaded, lightheadedness
vertigo: spinning
seizure: seizures, convulsion, convulsions
confusion: confused, disoriented, altered mental status
memory_loss: forgetful, forgetfulness
numbness: numb, tingling, paresthesia, paresthesias
tremor: tremors, shaking
blurred_vision: blurry vision, vision changes, visual changes
double_vision: diplopia
eye_pain: red eye, eye redness
tinnitus: ringing in the ears
ear_pain: earache
nosebleed: epistaxis, nosebleeds
back_pain: low back pain, lower back pain
neck_pain: stiff neck, neck stiffness
joint_pain: arthralgia, arthralgias, knee pain, hip pain, shoulder pain
muscle_pain: myalgia, myalgias, muscle aches
leg_pain: calf pain
stiffness: stiff
falls: fell, fall, fallen
gait_trouble: unsteady, difficulty walking, trouble walking
rash: rashes, hives, urticaria
itching: pruritus, itchy, itch
bruising: bruises, bruise, easy bruising
bleeding: bleed, bleeds, hemorrhage
wound: laceration, burn, cut
lump: mass, nodule, lumps
insomnia: trouble sleeping, difficulty sleeping
hallucinations: hearing voices, delusions
suicidal_thoughts: suicidal ideation, suicidal
low_mood: sad, hopeless, crying
irregular_periods: menorrhagia, amenorrhea, irregular menses
vaginal_bleeding: spotting
discharge_fluid: drainage, purulent
fainting_feeling: near syncope, presyncope
cold_intolerance: heat intolerance
"""

DRUGS = """
insulin: lantus, humalog, novolog, insulin glargine
metformin: glucophage
sulfonylurea: glipizide, glyburide, glimepiride
pioglitazone: actos, rosiglitazone, avandia
gliptin: sitagliptin, januvia, linagliptin
gliflozin: empagliflozin, dapagliflozin, jardiance
glp_agonist: semaglutide, liraglutide, ozempic, exenatide
aspirin: asa, baby aspirin
clopidogrel: plavix, ticagrelor, prasugrel
warfarin: coumadin
direct_anticoagulant: apixaban, eliquis, rivaroxaban, xarelto, dabigatran
heparin: enoxaparin, lovenox
statin: atorvastatin, lipitor, simvastatin, zocor, rosuvastatin, crestor, pravastatin
ace_inhibitor: lisinopril, enalapril, ramipril, captopril, benazepril
angiotensin_blocker: losartan, valsartan, diovan, irbesartan, cozaar
beta_blocker: metoprolol, atenolol, carvedilol, propranolol, lopressor, bisoprolol, coreg
calcium_blocker: amlodipine, norvasc, diltiazem, nifedipine, verapamil
loop_diuretic: furosemide, lasix, torsemide, bumetanide
thiazide: hydrochlorothiazide, hctz, chlorthalidone
spironolactone: aldactone
nitrate: nitroglycerin, isosorbide, imdur
digoxin: lanoxin
antiarrhythmic: amiodarone, sotalol
hydralazine: clonidine
potassium: potassium chloride, kcl
bronchodilator: albuterol, ventolin, proair, levalbuterol, salmeterol
inhaled_steroid: fluticasone, advair, budesonide, symbicort, flovent
anticholinergic_inhaler: tiotropium, spiriva, ipratropium
montelukast: singulair
steroid: prednisone, prednisolone, dexamethasone, methylprednisolone, steroids
antihistamine: cetirizine, zyrtec, loratadine, claritin, diphenhydramine, benadryl, allegra
decongestant: pseudoephedrine, guaifenesin, mucinex
penicillin: amoxicillin, augmentin, ampicillin, penicillins
cephalosporin: cephalexin, keflex, ceftriaxone, rocephin, cefepime
macrolide: azithromycin, zithromax, erythromycin, clarithromycin
fluoroquinolone: ciprofloxacin, cipro, levofloxacin, levaquin
sulfa: bactrim, sulfamethoxazole, trimethoprim
vancomycin: linezolid
metronidazole: flagyl, clindamycin
doxycycline: tetracycline, minocycline
antiviral: acyclovir, valacyclovir, oseltamivir
antifungal: fluconazole, nystatin
antibiotic: antibiotics
proton_pump_inhibitor: omeprazole, prilosec, pantoprazole, protonix, esomeprazole, nexium
acid_blocker: ranitidine, famotidine, zantac, pepcid
antiemetic: ondansetron, zofran, promethazine, phenergan
laxative: docusate, colace, senna, miralax
acetaminophen: tylenol, paracetamol
nsaid: ibuprofen, motrin, advil, naproxen, aleve, celecoxib, celebrex, meloxicam
opioid: morphine, oxycodone, hydrocodone, percocet, vicodin, fentanyl, codeine, hydromorphone
tramadol: ultram
muscle_relaxant: cyclobenzaprine, flexeril, baclofen
gabapentin: neurontin, pregabalin, lyrica
anticonvulsant: levetiracetam, keppra, phenytoin, dilantin, carbamazepine, lamotrigine
levodopa: carbidopa, sinemet
donepezil: aricept, memantine
ssri: sertraline, zoloft, fluoxetine, prozac, escitalopram, lexapro, citalopram, paroxetine, celexa
other_antidepressant: bupropion, wellbutrin, venlafaxine, effexor, duloxetine, cymbalta, trazodone
tricyclic: amitriptyline, nortriptyline
benzodiazepine: lorazepam, ativan, alprazolam, xanax, diazepam, valium, clonazepam
sleep_aid: zolpidem, ambien, melatonin
antipsychotic: quetiapine, seroquel, risperidone, olanzapine, haloperidol
lithium: valproate, depakote
stimulant: methylphenidate, ritalin, adderall
levothyroxine: synthroid
bisphosphonate: alendronate, fosamax
estrogen: premarin, hormone replacement
contraceptive: birth control, oral contraceptives
allopurinol: colchicine
methotrexate: hydroxychloroquine, plaquenil
biologic: adalimumab, humira, etanercept, infliximab
chemotherapy: chemo, radiation
immunosuppressant: tacrolimus, cyclosporine, mycophenolate
alpha_blocker: tamsulosin, flomax, doxazosin, terazosin
finasteride: proscar
erectile_drug: sildenafil, viagra, tadalafil
iron: ferrous sulfate
vitamin: vitamins, multivitamin, vitamin d, folic acid
calcium: calcium carbonate
vaccine: vaccination, immunizations, flu shot, vaccinated
oxygen: home oxygen
saline: iv fluids, intravenous fluids
contrast: iodine, contrast dye
latex: latex allergy
"""
